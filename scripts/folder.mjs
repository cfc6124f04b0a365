// The package for programs without npm: one folder that needs nothing around it. Addons of all platforms that are built
// here are in it, and what the package depends on is in one file, because a folder `node_modules` would not come along
// with a program that is kept in git (decision 0046).

import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { writeArchive } from './archive.mjs';
import { loaderSource } from './loader.mjs';
import { root, targets } from './targets.mjs';

const FOLDER = 'DatabaseManager';
/** What is for programs that find packages by name. */
const FOR_PACKAGES = ['native.js', 'lib/register.js', 'lib/replacement.js', 'services', 'stand-in'];
/** The archive has a README of its own. */
const DOCUMENTS = /^docs$|\.(md|svg)$/;
const REQUIRE = /require\('([^'.][^']*)'\)/g;
const FROM = /(from ')([^'.][^']*)(')/g;

/**
 * @param {string} directory where the archive goes
 * @param {Record<string, any>} manifest package.json
 * @param {import('./targets.mjs').Target[]} built the platforms whose addons are here
 * @returns {Promise<string>} the archive, whose only folder is DatabaseManager/
 */
export async function packFolder(directory, manifest, built) {
  const dependencies = Object.keys(manifest.dependencies);
  const isDependency = (specifier) => dependencies.some((name) => `${specifier}/`.startsWith(`${name}/`));
  const used = new Set();
  const sources = manifest.files
    .filter((name) => !DOCUMENTS.test(name))
    .flatMap(filesBelow)
    .filter((name) => !FOR_PACKAGES.some((place) => `${name}/`.startsWith(`${place}/`)))
    .map((name) => [name, withinFolder(name, readText(name), isDependency, used)]);
  const { code, licences } = await bundled([...used].sort());
  const contents = {
    ...Object.fromEntries(sources),
    ...declarations(),
    'dependencies.js': code,
    'dependencies.LICENSE.txt': licences,
    'native.js': loaderSource(manifest, targets(manifest), 'folder'),
    'package.json': `${JSON.stringify(folderManifest(manifest), null, 2)}\n`,
    'README.md': README,
    LICENSE: readText('LICENSE'),
    ...Object.assign({}, ...built.map(platformFiles)),
  };
  mkdirSync(directory, { recursive: true });
  const archive = path.join(directory, `${manifest.name}-folder-${manifest.version}.tgz`);
  writeArchive(
    archive,
    Object.fromEntries(Object.entries(contents).map(([name, content]) => [`${FOLDER}/${name}`, content])),
  );
  return archive;
}

/** A file with the dependencies that it names found in the folder. */
function withinFolder(name, text, isDependency, used) {
  const upwards = path.posix.relative(path.posix.dirname(name), '.') || '.';
  if (name.endsWith('.js')) {
    return text.replace(REQUIRE, (whole, specifier) => {
      if (!isDependency(specifier)) return whole;
      used.add(specifier);
      return `require('${upwards}/dependencies.js')['${specifier}']()`;
    });
  }
  return text.replace(FROM, (whole, before, specifier, after) =>
    isDependency(specifier) ? `${before}${upwards}/${declaration(specifier)}${after}` : whole,
  );
}

/** Where the declarations of a dependency are in the folder. Folders called `dist` seldom come along with git. */
function declaration(specifier) {
  const [name, ...rest] = specifier.split('/').filter((part) => part !== 'dist');
  return `types/${name}/${rest.join('/') || 'index.js'}`;
}

/** The declarations that ours refer to. */
function declarations() {
  const places = { 'pg-types': '', 'pg-protocol': 'dist' };
  return Object.fromEntries(
    Object.entries(places).flatMap(([name, folder]) => {
      const place = path.join('node_modules', name, folder);
      return readdirSync(path.join(root, place))
        .filter((file) => file.endsWith('.d.ts') && !file.includes('test'))
        .map((file) => [`types/${name}/${file}`, readText(path.join(place, file))]);
    }),
  );
}

/**
 * One file of what is required, each module run when it is first asked for.
 *
 * @param {string[]} specifiers
 */
async function bundled(specifiers) {
  const entries = specifiers.map((specifier) => `  '${specifier}': () => require('${specifier}'),\n`);
  const { outputFiles, metafile } = await build({
    stdin: { contents: `module.exports = {\n${entries.join('')}};\n`, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node20',
    legalComments: 'none',
    banner: { js: '// Packages that pgfleet depends on; dependencies.LICENSE.txt has their licences.' },
    logLevel: 'warning',
  });
  const packages = Object.keys(metafile.inputs)
    .map((input) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1])
    .filter((name) => name !== undefined);
  return { code: outputFiles[0].text, licences: [...new Set(packages)].sort().map(licenceOf).join('\n') };
}

function licenceOf(name) {
  const directory = path.join('node_modules', name);
  const { version } = JSON.parse(readText(path.join(directory, 'package.json')));
  const files = readdirSync(path.join(root, directory));
  const licence = files.find((file) => /^licen[cs]e/i.test(file));
  const readme = files.find((file) => /^readme\.md$/i.test(file));
  const text = licence
    ? readText(path.join(directory, licence))
    : /^#+ *licen[cs]e\s+([^]*)/im.exec(readText(path.join(directory, readme)))?.[1];
  if (!text) throw new Error(`${name} has no licence that could be packed`);
  return `${name} ${version}\n\n${text.trim()}\n`;
}

/** The addon, and what its package has besides. */
function platformFiles({ name, file }) {
  const directory = path.join('npm', name);
  const notices = readdirSync(path.join(root, directory)).filter(
    (one) => ![file, 'LICENSE', 'README.md', 'package.json'].includes(one),
  );
  return {
    [file]: readFileSync(path.join(root, file)),
    ...Object.fromEntries(notices.map((one) => [one, readFileSync(path.join(root, directory, one))])),
  };
}

function folderManifest({ name, version, description, license, author, type, main, types, engines }) {
  return { name, version, description, license, author, private: true, type, main, types, engines };
}

const README = `# DatabaseManager

pgfleet as a folder that needs no npm: put it into the \`services/\` of a program.

\`\`\`js
const DatabaseManager = require('./services/DatabaseManager');
\`\`\`
\`\`\`js
import DatabaseManager from './services/DatabaseManager/index.mjs';
\`\`\`

The files that end in \`.node\` are for one platform each: those of platforms that a program never runs on can be removed.
`;

function filesBelow(name) {
  if (!statSync(path.join(root, name)).isDirectory()) return [name];
  return readdirSync(path.join(root, name)).flatMap((inner) => filesBelow(path.posix.join(name, inner)));
}

function readText(name) {
  return readFileSync(path.join(root, name), 'utf8');
}
