// Packages in the place of npm's `pg` and `pg-pool`, for those who look for them by name and version: tracers, which
// wait for the files of a folder that is called `pg`, and npm, which compares ranges of versions.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { readManifest, root } from './targets.mjs';

const { FILES } = createRequire(import.meta.url)('../lib/pg/replacement.js');

/** Where tracers find the packages under their names. */
const NAMED = 'stand-in/node_modules';

/**
 * The files in stand-in/, to which pgfleet/register leads.
 *
 * @returns {Record<string, string>} texts by their places in this package
 */
export function standInFiles() {
  return namedPackages((name, depth) => `${'../'.repeat(depth)}lib/pg/${name}`);
}

/**
 * The package @pgfleet/pg, which `pg` can be an alias of. npm puts it into a folder that is called `pg`, and then
 * its own files are those that tracers wait for; elsewhere (pnpm), they lead to files that are in such a folder.
 *
 * @returns {Record<string, string>} texts by their places in that package
 */
export function aliasFiles(main = readManifest()) {
  const { license, author, repository, homepage, bugs, engines } = main;
  const ours = (name) => `pgfleet/lib/${name}`;
  const traced = (name) =>
    script(
      `module.exports = require('../is-named-pg')\n  ? require('${ours(name)}')\n  : require('../${NAMED}/pg/lib/${name}');`,
    );
  const files = {
    ...Object.fromEntries([...FILES].map((name) => [`lib/${name}.js`, reexport(ours(name))])),
    ...namedPackages(ours),
    'lib/client.js': traced('client'),
    'lib/index.js': `${loading('./client', `../${NAMED}/pg-pool`)}${traced('index').replace(STRICT, '')}`,
    'is-named-pg.js': script(
      `// Whether tracers take the files here for those of pg.\nmodule.exports = /[\\\\/]node_modules[\\\\/]pg$/.test(__dirname);`,
    ),
    'esm/index.mjs': esModule(),
    'index.d.ts': "import pg = require('pgfleet/pg');\nexport = pg;\n",
    'index.d.mts': "export * from 'pgfleet/pg';\nexport { default } from 'pgfleet/pg';\n",
    'README.md': `# @pgfleet/pg

[pgfleet](https://www.npmjs.com/package/pgfleet) under the name and the version number of \`pg\`, so that libraries and
tracers that look for these find them:

\`\`\`sh
npm install pg@npm:@pgfleet/pg@${versionOf('pg')}
\`\`\`

\`require('pg')\` is then what \`require('pgfleet/pg')\` is: the version number says which \`pg\` it is like.
`,
  };
  const manifest = {
    name: '@pgfleet/pg',
    version: versionOf('pg'),
    description: 'pgfleet in the place of pg: its name, its version number, its files',
    license,
    author,
    ...(repository && { repository }),
    ...(homepage && { homepage }),
    ...(bugs && { bugs }),
    main: './lib',
    types: './index.d.ts',
    exports: {
      '.': {
        import: { types: './index.d.mts', default: './esm/index.mjs' },
        default: { types: './index.d.ts', default: './lib/index.js' },
      },
      ...DEEP,
    },
    files: ['lib', 'esm', 'stand-in', 'is-named-pg.js', 'index.d.ts', 'index.d.mts'],
    // What it uses of pgfleet are its ways in, which stay.
    dependencies: { pgfleet: '>=0.1.0' },
    engines,
    publishConfig: { access: 'public' },
  };
  return { 'package.json': json(manifest), ...files };
}

const STRICT = "'use strict';\n\n";

/** Of `exports`: the files that libraries reach into. */
const DEEP = {
  './package.json': './package.json',
  './lib/*': './lib/*.js',
  './lib/*.js': './lib/*.js',
};

/**
 * The two packages under their names, with no more in them than the way to ours.
 *
 * @param {(name: string, depth: number) => string} ours what a file that is so many folders deep requires
 */
function namedPackages(ours) {
  const place = (file) => `${NAMED}/${file}`;
  const inPg = (name) => ours(name, 4);
  const files = Object.fromEntries(
    [...FILES].map((name) => [place(`pg/lib/${name}.js`), reexport(inPg(name))]),
  );
  return {
    ...files,
    [place('pg/package.json')]: json({
      name: 'pg',
      version: versionOf('pg'),
      description: 'What stands for pg in pgfleet',
      private: true,
      main: './lib',
      exports: { '.': { import: './esm/index.mjs', default: './lib/index.js' }, ...DEEP },
    }),
    [place('pg/lib/index.js')]:
      `${loading('./client', '../../pg-pool')}module.exports = require('${inPg('index')}');\n`,
    [place('pg/esm/index.mjs')]: esModule(),
    [place('pg-pool/package.json')]: json({
      name: 'pg-pool',
      version: versionOf('pg-pool'),
      description: 'What stands for pg-pool in pgfleet',
      private: true,
      main: 'index.js',
    }),
    [place('pg-pool/index.js')]: reexport(ours('pool', 3)),
  };
}

/** Tracers change the classes when the files that have them are loaded. */
function loading(...files) {
  const requires = files.map((file) => `require('${file}');\n`).join('');
  return `${STRICT}// Tracers change the classes in these when they are loaded.\n${requires}\n`;
}

/** The names of pg for ES modules, as pg.mjs has them. */
function esModule() {
  return readFileSync(path.join(root, 'pg.mjs'), 'utf8').replace('./lib/pg/index.js', '../lib/index.js');
}

function reexport(file) {
  return script(`module.exports = require('${file}');`);
}

function script(text) {
  return `${STRICT}${text}\n`;
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** The version of npm's package that ours is held against. */
function versionOf(name) {
  return JSON.parse(readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}
