'use strict';

// Publishing against a registry of our own, which knows what it is told and refuses what it is told to refuse.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { once } = require('node:events');
const { execFileSync } = require('node:child_process');
const { after, before, beforeEach, describe, test } = require('node:test');
const { run, ROOT } = require('../support/program.js');
const { remove, temporaryFolder } = require('./checkout.js');
const { npm } = require('./npm.js');

const SCRIPT = 'scripts/release.mjs';

/** Main package, one it depends on, and one that depends on it; in an order that isn't that of publishing. */
const PACKAGES = {
  'a-after': { dependencies: { 'b-main': '*' } },
  'b-main': { optionalDependencies: { 'c-platform': '*' } },
  'c-platform': {},
};

describe('release.mjs publish', () => {
  let folder, server, npmrc;
  /** @type {Map<string, Record<string, any>>} */
  let known;
  /** @type {string[]} */
  let published;
  let refused;

  before(async () => {
    folder = temporaryFolder();
    server = http.createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const host = `127.0.0.1:${server.address().port}`;
    npmrc = path.join(folder, 'npmrc');
    fs.writeFileSync(npmrc, `registry=http://${host}/\n//${host}/:_authToken=token\n`);
  });
  after(() => {
    server.close();
    remove(folder);
  });
  beforeEach(() => {
    known = new Map(Object.keys(PACKAGES).map((name) => [name, {}]));
    published = [];
    refused = undefined;
  });

  async function answer(request, response) {
    const name = decodeURIComponent(request.url.slice(1));
    if (request.method === 'PUT') {
      const { versions, 'dist-tags': tags } = JSON.parse(await text(request));
      if (name === refused) return response.writeHead(500).end('{"error":"not now"}');
      const [[version, manifest]] = Object.entries(versions);
      known.set(name, { ...known.get(name), [version]: manifest });
      published.push(`${name}@${version} as ${Object.keys(tags).join()}`);
      return response.writeHead(201).end('{}');
    }
    if (!known.has(name)) return response.writeHead(404).end('{}');
    response.end(JSON.stringify({ name, versions: known.get(name), 'dist-tags': {} }));
  }

  /** @returns {Promise<string>} a folder with the three tarballs */
  async function tarballs(version) {
    const out = path.join(folder, `tarballs-${version}`);
    if (fs.existsSync(out)) return out;
    fs.mkdirSync(out);
    for (const [name, fields] of Object.entries(PACKAGES)) {
      const source = path.join(folder, name);
      fs.mkdirSync(source, { recursive: true });
      fs.writeFileSync(path.join(source, 'package.json'), JSON.stringify({ name, version, ...fields }));
      await npm(['pack', '--pack-destination', out], { cwd: source });
    }
    return out;
  }

  async function publish(version, ...options) {
    const { code, stderr } = await run(SCRIPT, {
      args: ['publish', await tarballs(version), ...options],
      env: { npm_config_userconfig: npmrc, npm_config_fetch_retries: '0', GITHUB_ACTIONS: '', CI: '' },
    });
    return { code, stderr };
  }

  test('publishes each package behind those that it depends on', async () => {
    assert.equal((await publish('1.0.0')).code, 0);
    assert.deepEqual(published, [
      'c-platform@1.0.0 as latest',
      'b-main@1.0.0 as latest',
      'a-after@1.0.0 as latest',
    ]);
  });

  test('goes on, when it is repeated, where it failed', async () => {
    refused = 'b-main';
    const { code, stderr } = await publish('1.0.0');
    assert.equal(code, 1);
    assert.match(stderr, /pgfleet: npm publish failed/);
    assert.deepEqual(published, ['c-platform@1.0.0 as latest']);
    refused = undefined;
    assert.equal((await publish('1.0.0')).code, 0);
    assert.deepEqual(published.slice(1), ['b-main@1.0.0 as latest', 'a-after@1.0.0 as latest']);
    assert.equal((await publish('1.0.0')).code, 0);
    assert.equal(published.length, 3);
  });

  for (const [version, tag] of [
    ['1.1.0-beta.1', 'beta'],
    ['1.1.0-0', 'next'],
  ]) {
    test(`publishes ${version} as ${tag}, never as latest`, async () => {
      assert.equal((await publish(version)).code, 0);
      assert.deepEqual(published[0], `c-platform@${version} as ${tag}`);
      assert.equal(published.length, 3);
    });
  }

  test('publishes nothing while npm has not seen a name, unless it is told that this is the first time', async () => {
    known.delete('c-platform');
    known.delete('a-after');
    const { code, stderr } = await publish('1.0.0');
    assert.equal(code, 1);
    assert.match(stderr, /nothing was published: npm doesn't know c-platform, a-after yet.*releasing\.md/);
    assert.deepEqual(published, []);
    assert.equal((await publish('1.0.0', '--first')).code, 0);
    assert.equal(published.length, 3);
  });

  test('publishes nothing beside a package of the same version and other contents', async () => {
    known.set('b-main', { '1.0.0': { dist: { integrity: 'sha512-other' } } });
    const { code, stderr } = await publish('1.0.0');
    assert.equal(code, 1);
    assert.match(stderr, /nothing was published: b-main@1\.0\.0 is published with other contents/);
    assert.deepEqual(published, []);
  });

  test('says so when there is nothing to publish', async () => {
    const { code, stderr } = await run(SCRIPT, { args: ['publish', path.join(folder, 'nowhere')] });
    assert.equal(code, 1);
    assert.match(stderr, /^pgfleet: there are no tarballs in /);
  });
});

describe('release.mjs check', () => {
  let checkout;
  const ADDRESSES = {
    repository: { type: 'git', url: 'git+https://example.test/somebody/pgfleet.git' },
    homepage: 'https://example.test/',
    bugs: { url: 'https://example.test/bugs' },
  };

  before(() => {
    checkout = temporaryFolder();
    for (const name of [
      'scripts',
      'lib',
      'stand-in',
      'types',
      'testkit/Cargo.toml',
      'Cargo.toml',
      'Cargo.lock',
      'native.js',
      'README.md',
      'docs/supabase.md',
      'docs/doctor.md',
      'src/supabase',
      'src/diagnose',
    ]) {
      fs.cpSync(path.join(ROOT, name), path.join(checkout, name), { recursive: true });
    }
    fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(checkout, 'node_modules'), 'junction');
    git('init', '--quiet', '--initial-branch=main');
    git('-c', 'user.name=x', '-c', 'user.email=x', 'commit', '--quiet', '--allow-empty', '--message=x');
    git('update-ref', 'refs/remotes/origin/main', 'HEAD');
  });
  beforeEach(() => arrange());
  after(() => remove(checkout));

  function git(...args) {
    execFileSync('git', args, { cwd: checkout });
  }

  function arrange(fields = {}) {
    const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
    write('package.json', JSON.stringify({ ...manifest, ...ADDRESSES, ...fields }));
    write('CHANGELOG.md', `# Changelog\n\n## [${manifest.version}]\n`);
    return manifest;
  }

  function write(name, content) {
    fs.writeFileSync(path.join(checkout, name), content);
  }

  function check(tag, repository = 'somebody/pgfleet', today = '2029-01-01') {
    // What is checked of dates holds for ever in a test.
    const clock = `globalThis.Date = class extends Date { constructor(...of) { super(...(of.length ? of : ['${today}'])); } };`;
    write('clock.cjs', clock);
    return run(path.join(checkout, SCRIPT), {
      args: ['check', ...(tag ? [tag] : [])],
      cwd: checkout,
      execArgv: ['--require', path.join(checkout, 'clock.cjs')],
      env: { GITHUB_REPOSITORY: repository },
    });
  }

  /** @returns {Promise<string[]>} what it finds wrong with the tag of the version */
  async function complaints(tag, repository, today) {
    const { code, stderr } = await check(tag, repository, today);
    assert.equal(code, 1);
    return stderr.trim().split('\n- ').slice(1);
  }

  test('lets the tag of the version pass that is on main and has everything', async () => {
    const { version } = arrange();
    const { code, stderr } = await check(`v${version}`);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  test('refuses a tag of another version, and one without an entry in the changelog', async () => {
    const { version } = arrange();
    assert.deepEqual(await complaints('v9.9.9'), [`the tag is v9.9.9, and package.json has ${version}`]);
    write('CHANGELOG.md', '# Changelog\n\n## [Unreleased]\n');
    assert.deepEqual(await complaints(`v${version}`), [`CHANGELOG.md has no entry ${version}`]);
  });

  test('refuses every tag while package.json does not say where the project is to be found', async () => {
    const { version } = arrange({ repository: { type: 'git', url: '' }, homepage: '', bugs: { url: '' } });
    assert.deepEqual(await complaints(`v${version}`), [
      'package.json says nothing as repository.url, homepage, bugs.url',
    ]);
    assert.equal((await check()).code, 0);
  });

  test('refuses a tag while the built-in root certificate has less than a year left', async () => {
    const { version } = arrange();
    assert.deepEqual(await complaints(`v${version}`, undefined, '2030-04-27'), [
      "Supabase's root (src/supabase/root-2021.pem) ends within a year: look for its successor",
    ]);
    assert.equal((await check(`v${version}`, undefined, '2030-04-25')).code, 0);
  });

  test('refuses to publish from another repository than package.json names', async () => {
    const { version } = arrange();
    assert.deepEqual(await complaints(`v${version}`, 'somebody/fork'), [
      'package.json names git+https://example.test/somebody/pgfleet.git as its repository, and this is somebody/fork',
    ]);
  });

  test('refuses a tag that is not on main', async (t) => {
    const { version } = arrange();
    git('-c', 'user.name=x', '-c', 'user.email=x', 'commit', '--quiet', '--allow-empty', '--message=y');
    t.after(() => git('reset', '--quiet', '--soft', 'HEAD~1'));
    assert.deepEqual(await complaints(`v${version}`), ['the commit is not on main']);
  });

  test('refuses a version that the Cargo files do not have', async () => {
    arrange({ version: '7.7.7' });
    const [first] = await complaints();
    assert.match(first, /^generated files, the versions of the Cargo files among them, are out of step/);
  });
});

async function text(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
