'use strict';

// What the workflows have to say, whatever else they say; that they are well formed is for `npm run check`.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { ROOT } = require('../support/program.js');
const manifest = require('../../package.json');

const FOLDER = path.join(ROOT, '.github', 'workflows');
const read = (name) => fs.readFileSync(path.join(FOLDER, name), 'utf8');
const toolchain = fs.readFileSync(path.join(ROOT, '.ci/rust-toolchain.toml'), 'utf8');

/** @returns {Record<string, string>} the text of each job by its name */
function jobsOf(text) {
  const [, jobs] = text.split(/^jobs:\n/m);
  const parts = jobs.split(/^ {2}([a-z]+):\n/m).slice(1);
  return Object.fromEntries(parts.flatMap((part, at) => (at % 2 === 0 ? [[part, parts[at + 1]]] : [])));
}

describe('the workflows', () => {
  for (const name of fs.readdirSync(FOLDER)) {
    test(`${name} pins each action to a commit and says its version`, () => {
      const uses = read(name).match(/^.*\buses:.*$/gm);
      assert.ok(uses.length > 0);
      assert.deepEqual(
        uses.filter((line) => !/uses: [\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)),
        [],
      );
    });

    test(`${name} pins each image to its contents`, () => {
      const images = read(name).match(/^.*\b(?:IMAGE|image|container): .*$/gm);
      assert.ok(images.length > 0);
      const floating = images.filter(
        (line) => !/@sha256:[0-9a-f]{64}$|\$\{\{ matrix\.image \}\}$/.test(line),
      );
      assert.deepEqual(floating, []);
    });

    test(`${name} may only read, and a job that may more says so`, () => {
      assert.match(read(name), /^permissions:\n {2}contents: read\n/m);
    });
  }

  test('every change is tried on every system and on every line of Node', () => {
    const { gate, musl } = jobsOf(read('ci.yml'));
    for (const system of ['ubuntu-24.04', 'ubuntu-24.04-arm', 'macos-15', 'windows-2025']) {
      assert.match(gate, new RegExp(`os: ${system},`), system);
    }
    for (const major of [20, 22, 24, 26])
      assert.match(gate, new RegExp(`node: ${major}\\b`), `Node ${major}`);
    for (const step of ['npm run check', 'npm test']) assert.ok(gate.includes(`run: ${step}\n`), step);
    assert.match(musl, /ubuntu-24\.04, ubuntu-24\.04-arm/);
  });

  test('a release builds each platform of package.json on one machine', () => {
    const text = read('release.yml');
    const built = [...text.matchAll(/\btarget: ([\w-]+)/g)].map(([, triple]) => triple);
    assert.deepEqual(built.sort(), [...manifest.napi.targets].sort());
  });

  test('a release checks the version before it builds, and publishes only tags, after everything else', () => {
    const jobs = jobsOf(read('release.yml'));
    for (const name of ['glibc', 'musl', 'native']) assert.match(jobs[name], /^ {4}needs: version$/m, name);
    assert.match(jobs.version, /release\.mjs check "\$GITHUB_REF_NAME"/);
    assert.match(jobs.tarballs, /^ {4}needs: \[glibc, musl, native\]$/m);
    assert.match(jobs.publish, /^ {4}needs: tarballs$/m);
    assert.match(jobs.publish, /^ {4}if: github\.ref_type == 'tag'$/m);
    const publishing = Object.entries(jobs).filter(([, job]) => job.includes('release.mjs publish'));
    assert.deepEqual(
      publishing.map(([name]) => name),
      ['publish'],
    );
  });

  test('a release has the OpenSSL of Cargo.lock on every machine', () => {
    const text = read('release.yml');
    assert.match(text, /^env:\n(?: {2}#.*\n)* {2}OPENSSL_NO_VENDOR: '0'\n/m);
    assert.match(jobsOf(text).musl, /--env OPENSSL_NO_VENDOR /); // a container has only what it is given
  });

  test('the pinned toolchain is not older than Cargo.toml says that it has to be', () => {
    const [pinned, oldest] = [
      /channel = "1\.(\d+)\.\d+"/.exec(toolchain),
      /rust-version = "1\.(\d+)"/.exec(fs.readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8')),
    ];
    assert.ok(Number(pinned[1]) >= Number(oldest[1]));
  });
});
