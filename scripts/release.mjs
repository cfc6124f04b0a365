// What a release needs besides building: the checks that come first, and publishing, which can be repeated.
//
//   node scripts/release.mjs check [tag]                  without a tag, what holds for every release
//   node scripts/release.mjs publish <folder> [--first]   the folder's tarballs; --first where names are new
//
// docs/releasing.md tells how a release goes.

import { spawnSync } from 'node:child_process';
import { X509Certificate, createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseArgs } from 'node:util';
import { Failure, report } from './failure.mjs';
import { runNpm } from './npm.mjs';
import { readManifest, root } from './targets.mjs';

const ROOT = 'src/supabase/root-2021.pem';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { first: { type: 'boolean' } },
});
const [step, argument] = positionals;

try {
  if (step === 'check') check(argument);
  else if (step === 'publish' && argument) await publish(path.resolve(argument), values.first === true);
  else throw new Failure('release.mjs check [tag], or release.mjs publish <folder> [--first]');
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  report(error);
}

function check(tag) {
  const manifest = readManifest();
  const wrong = [...contradictions(manifest), ...(tag === undefined ? [] : hindrances(manifest, tag))];
  if (wrong.length > 0)
    throw new Failure(`this can't be released:\n${wrong.map((line) => `- ${line}`).join('\n')}`);
  console.log(
    `pgfleet ${manifest.version}${tag === undefined ? '' : `, to be published as ${distTag(manifest.version)}`}`,
  );
}

/** What is wrong with every commit. */
function contradictions({ version }) {
  const { status } = spawnSync(process.execPath, ['scripts/generate.mjs', '--check'], {
    cwd: root,
    stdio: 'inherit',
  });
  const isVersion = /^\d+\.\d+\.\d+(-[0-9a-z.-]+)?$/i.test(version);
  return [
    ...(status === 0 ? [] : ['generated files, the versions of the Cargo files among them, are out of step']),
    ...(isVersion ? [] : [`package.json has ${version}, which is no version`]),
  ];
}

/** What keeps a tag from being published. */
function hindrances(manifest, tag) {
  const { version, repository, homepage, bugs } = manifest;
  const empty = Object.entries({ 'repository.url': repository?.url, homepage, 'bugs.url': bugs?.url })
    .filter(([, value]) => !value)
    .map(([name]) => name);
  const here = process.env.GITHUB_REPOSITORY;
  const changes = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8');
  return [
    ...(tag === `v${version}` ? [] : [`the tag is ${tag}, and package.json has ${version}`]),
    ...(empty.length === 0 ? [] : [`package.json says nothing as ${empty.join(', ')}`]),
    // npm takes provenance only from the repository that the package names.
    ...(!here || !repository?.url || namesRepository(repository.url, here)
      ? []
      : [`package.json names ${repository.url} as its repository, and this is ${here}`]),
    ...(changes.includes(`\n## [${version}]`) ? [] : [`CHANGELOG.md has no entry ${version}`]),
    ...(isOnMain() ? [] : ['the commit is not on main']),
    ...(rootLasts() ? [] : [`Supabase's root (${ROOT}) ends within a year: look for its successor`]),
  ];
}

function namesRepository(url, name) {
  return url
    .replace(/\.git$/, '')
    .toLowerCase()
    .endsWith(`/${name.toLowerCase()}`);
}

/** What is released today is used for a while. */
function rootLasts() {
  const { validTo } = new X509Certificate(readFileSync(path.join(root, ROOT)));
  const inAYear = new Date();
  inAYear.setFullYear(inAYear.getFullYear() + 1);
  return new Date(validTo) > inAYear;
}

function isOnMain() {
  const { status } = spawnSync('git', ['merge-base', '--is-ancestor', 'HEAD', 'origin/main'], { cwd: root });
  return status === 0;
}

/**
 * Publishes what isn't published yet, and before it whatever it depends on. The same tarballs can be published again
 * after a failure: those that are there are passed over.
 */
async function publish(folder, first) {
  const registry = runNpm(['config', 'get', 'registry'], { output: 'capture' }).trim().replace(/\/?$/, '/');
  const packages = inOrder(tarballsIn(folder));
  const states = new Map();
  for (const one of packages) states.set(one, await stateOf(one, registry));

  const unknown = packages.filter((one) => !states.get(one).isKnown);
  if (unknown.length > 0 && !first) {
    const names = unknown.map(({ name }) => name).join(', ');
    throw new Failure(
      `nothing was published: npm doesn't know ${names} yet, see "First" in docs/releasing.md`,
    );
  }
  const others = packages.filter((one) => ![undefined, one.integrity].includes(states.get(one).integrity));
  if (others.length > 0) {
    const names = others.map(({ name, version }) => `${name}@${version}`).join(', ');
    throw new Failure(
      `nothing was published: ${names} is published with other contents; repeat the failed jobs of the run that ` +
        'published it, which have the same tarballs, or release another version',
    );
  }
  for (const one of packages) {
    const { name, version, file } = one;
    if (states.get(one).integrity) {
      console.log(`${name}@${version} is published already`);
      continue;
    }
    const provenance = process.env.GITHUB_ACTIONS ? ['--provenance'] : [];
    runNpm(['publish', file, '--access', 'public', '--tag', distTag(version), ...provenance]);
  }
}

/** @returns {Promise<{ isKnown: boolean, integrity?: string }>} what the registry has of a name and its version */
async function stateOf({ name, version }, registry) {
  const response = await fetch(`${registry}${name.replace('/', '%2f')}`, {
    headers: { accept: 'application/vnd.npm.install-v1+json' },
  });
  if (response.status === 404) return { isKnown: false };
  if (!response.ok) throw new Failure(`the registry answers ${response.status} when asked for ${name}`);
  const { versions } = await response.json();
  return { isKnown: true, integrity: versions[version]?.dist.integrity };
}

/**
 * @typedef {object} Tarball
 * @property {string} file
 * @property {string} name
 * @property {string} version
 * @property {string[]} needs names of packages that it depends on
 * @property {string} integrity as the registry has it
 */

/** @returns {Tarball[]} */
function tarballsIn(folder) {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.tgz')) : [];
  if (names.length === 0) throw new Failure(`there are no tarballs in ${folder}`);
  return names.sort().map((base) => {
    const file = path.join(folder, base);
    const bytes = readFileSync(file);
    const { name, version, dependencies, optionalDependencies } = packedManifest(bytes, file);
    return {
      file,
      name,
      version,
      needs: Object.keys({ ...dependencies, ...optionalDependencies }),
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    };
  });
}

/** A tarball of npm is a row of headers of 512 bytes, each with its file behind it, filled up to 512 bytes. */
function packedManifest(bytes, file) {
  const archive = gunzipSync(bytes);
  for (let at = 0; at < archive.length && archive[at] !== 0;) {
    const text = (start, length) =>
      archive.toString('utf8', at + start, at + start + length).replace(/\0.*$/s, '');
    const size = parseInt(text(124, 12), 8);
    if (text(0, 100) === 'package/package.json') {
      return JSON.parse(archive.toString('utf8', at + 512, at + 512 + size));
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Failure(`${file} holds no package.json`);
}

/** @param {Tarball[]} tarballs @returns {Tarball[]} each behind those that it needs */
function inOrder(tarballs) {
  const rest = [...tarballs];
  const ordered = [];
  while (rest.length > 0) {
    const at = rest.findIndex(({ needs }) => !rest.some(({ name }) => needs.includes(name)));
    if (at < 0) throw new Failure(`these need each other: ${rest.map(({ name }) => name).join(', ')}`);
    ordered.push(...rest.splice(at, 1));
  }
  return ordered;
}

/**
 * @param {string} version
 * @returns {string} the name by which npm has a version: `npm install pgfleet` takes `latest`, `pgfleet@beta` a beta
 */
function distTag(version) {
  if (!version.includes('-')) return 'latest';
  const name = /-([a-z]+)/i.exec(version)?.[1].toLowerCase();
  return name && name !== 'latest' ? name : 'next';
}
