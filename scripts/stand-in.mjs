// Packages in the place of npm's `pg` and `pg-pool`, for tools that look for them by name and version: tracers, which
// wait for the files of a folder that is called `pg`, and npm, which compares ranges of versions.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { readManifest, root } from './targets.mjs';

const { FILES } = createRequire(import.meta.url)('../lib/replacement.js');

/** Where tracers find the packages under their names. */
const NAMED = 'stand-in/node_modules';

/** The classes that tracers change, with the methods that they change in the text of the files. */
const CLIENT = { name: 'Client', methods: ['connect', 'query'] };
const POOL = { name: 'Pool', methods: ['connect', 'query', 'end'] };

/**
 * The files in stand-in/, to which pgfleet/register leads.
 *
 * @returns {Record<string, string>} texts by their places in this package
 */
export function standInFiles() {
  const inPackage = (file, depth) => `${'../'.repeat(depth)}lib/pg/${file}`;
  return namedPackages(
    (name, depth) => inPackage(FILES.get(name), depth),
    (depth) => required(inPackage('pool/pool', depth)),
  );
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
  // An expression, since tracers that change texts can't read a file with a `return` outside of functions.
  const either = (name) => `require('../is-named-pg')
  ? require('${ours(name)}')
  : require('../${NAMED}/pg/lib/${name}')`;
  const files = {
    ...Object.fromEntries([...FILES.keys()].map((name) => [`lib/${name}.js`, reexport(ours(name))])),
    ...namedPackages(ours, () => `${required('pgfleet/pg')}.Pool`),
    'lib/client.js': traced(CLIENT, either('client'), '../stand-in/around'),
    'lib/index.js': loading(['./client', `../${NAMED}/pg-pool`], either('index')),
    'is-named-pg.js': `${STRICT}
/** Whether tracers take the files in this folder for those of pg. */
module.exports = /[\\\\/]node_modules[\\\\/]pg$/.test(__dirname);
`,
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

const STRICT = "'use strict';\n";

/** Of `exports`: the files that libraries reach into. */
const DEEP = {
  './package.json': './package.json',
  './lib/*': './lib/*.js',
  './lib/*.js': './lib/*.js',
};

/**
 * The two packages under their names, with no more in them than the way to ours.
 *
 * @param {(name: string, depth: number) => string} ours what a file of pg that is so many folders deep requires
 * @param {(depth: number) => string} ourPool an expression for the class that pg-pool stands for
 */
function namedPackages(ours, ourPool) {
  const inPg = (name) => ours(name, 4);
  const files = {
    ...Object.fromEntries([...FILES.keys()].map((name) => [`pg/lib/${name}.js`, reexport(inPg(name))])),
    'pg/package.json': json({
      name: 'pg',
      version: versionOf('pg'),
      description: 'What stands for pg in pgfleet',
      private: true,
      main: './lib',
      exports: { '.': { import: './esm/index.mjs', default: './lib/index.js' }, ...DEEP },
    }),
    'pg/lib/client.js': traced(CLIENT, required(inPg('client')), '../../../around'),
    'pg/lib/index.js': loading(['./client', '../../pg-pool'], required(inPg('index'))),
    'pg/esm/index.mjs': esModule(),
    // Datadog's tracer asks which file is the main one of a package with the package's own folder as the first place to
    // look into. Without an answer there it would find npm's pg, where that is installed as well.
    'pg/pg/package.json': json({ main: '../lib/index.js' }),
    'pg-pool/package.json': json({
      name: 'pg-pool',
      version: versionOf('pg-pool'),
      description: 'What stands for pg-pool in pgfleet',
      private: true,
      main: 'index.js',
    }),
    'pg-pool/index.js': traced(POOL, ourPool(3), '../../around'),
    'pg-pool/pg-pool/package.json': json({ main: '../index.js' }),
  };
  return {
    ...Object.fromEntries(Object.entries(files).map(([file, text]) => [`${NAMED}/${file}`, text])),
    'stand-in/around.js': AROUND,
  };
}

/** A file that has others loaded first. */
function loading(files, ours) {
  const requires = files.map((file) => `require('${file}');\n`).join('');
  return `${STRICT}
// Tracers change the classes in these when they are loaded.
${requires}
module.exports = ${ours};
`;
}

/** A file of a class, which has its methods where tracers look for them that change the text of files. */
function traced({ name, methods }, ours, around) {
  const text = (method) => `  ${method}() {
    return ours.${method}.apply(this, arguments);
  }`;
  const classOf = (className) => `class ${className} {\n${methods.map(text).join('\n\n')}\n}`;
  return `${STRICT}
const Ours = ${ours};
const { ${methods.join(', ')} } = Ours.prototype;
const ours = { ${methods.join(', ')} };

${classOf(name)}

${classOf('Unchanged')}

require('${around}')(Ours, ${name}, Unchanged);

module.exports = Ours;
`;
}

const AROUND = `${STRICT}
/**
 * Some tracers change the text of pg's classes when their files are loaded, and put calls of theirs into the methods.
 * Methods of which that is true go around ours.
 *
 * @param {Function} Ours the class that programs get
 * @param {Function} Traced a class whose methods call ours
 * @param {Function} Unchanged the same, under a name that no tracer looks for
 */
module.exports = function goAround(Ours, Traced, Unchanged) {
  for (const name of Object.getOwnPropertyNames(Unchanged.prototype)) {
    const value = Traced.prototype[name];
    if (name === 'constructor' || String(value) === String(Unchanged.prototype[name])) continue;
    Object.defineProperty(Ours.prototype, name, { configurable: true, writable: true, value });
  }
};
`;

/** The names of pg for ES modules, as lib/pg/index.mjs has them. */
function esModule() {
  return readFileSync(path.join(root, 'lib/pg/index.mjs'), 'utf8').replace('./index.js', '../lib/index.js');
}

function required(file) {
  return `require('${file}')`;
}

function reexport(file) {
  return `${STRICT}\nmodule.exports = require('${file}');\n`;
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** The version of npm's package that ours is held against. */
function versionOf(name) {
  return JSON.parse(readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}
