'use strict';

// Loads the package again and again, uses it, and counts which of its copies are still there. Needs --expose-gc.
//
// `cache` empties require.cache each time, as tests do; `context` loads it into a new global object each time, as jest
// does for each test file and Electron for each page.

const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const vm = require('node:vm');
const { setImmediate: nextTurn } = require('node:timers/promises');

// Not by target.js, which loads the package as well.
const target = JSON.parse(process.env.PROGRAM_TARGET);
const ROOT = path.join(__dirname, '../../..');
const ROUNDS = 20;

const loaders = {
  cache() {
    // Its parent is new each time: one that stays would remember what it has loaded.
    const loaded = Module.createRequire(path.join(ROOT, 'index.js'))('./index.js');
    for (const file of Object.keys(require.cache)) delete require.cache[file];
    return loaded;
  },
  context() {
    const context = vm.createContext({ process, Buffer, URL, AbortController, AbortSignal, queueMicrotask });
    const modules = new Map();
    const load = (file) => {
      if (modules.has(file)) return modules.get(file).exports;
      const module = { exports: {} };
      modules.set(file, module);
      const from = Module.createRequire(file);
      const requireHere = (name) => {
        const found = from.resolve(name);
        return Module.isBuiltin(found) || found.endsWith('.node') ? from(name) : load(found);
      };
      requireHere.resolve = from.resolve;
      if (file.endsWith('.json')) module.exports = JSON.parse(fs.readFileSync(file, 'utf8'));
      else
        vm.runInContext(Module.wrap(fs.readFileSync(file, 'utf8')), context, { filename: file })(
          module.exports,
          requireHere,
          module,
          file,
          path.dirname(file),
        );
      return module.exports;
    };
    return load(path.join(ROOT, 'index.js'));
  },
};

let addons = 0;
const { dlopen } = process;
process.dlopen = (...words) => {
  addons++;
  return dlopen.apply(process, words);
};

async function use({ Pool, Client }) {
  const pool = new Pool({ ...target, max: 2 });
  await Promise.all(Array.from({ length: 20 }, (_, n) => pool.query('SELECT $1::int AS n', [n])));
  for (let n = 0; n < 20; n++) await pool.query('SELECT $1::int AS n', [n]);
  await pool.end();
  const client = new Client(target);
  await client.connect();
  await client.query('SELECT 1');
  await client.end();
}

async function main() {
  const [how, isUsed] = process.argv.slice(2);
  const copies = [];
  for (let round = 0; round < ROUNDS; round++) {
    const loaded = loaders[how]();
    copies.push(new WeakRef(loaded));
    if (isUsed) await use(loaded);
  }
  const isThere = () => copies.filter((copy) => copy.deref() !== undefined).length;
  // The last one may be held by what V8 keeps of this function.
  for (let turn = 0; turn < 50 && isThere() > 1; turn++) {
    await nextTurn();
    globalThis.gc();
  }
  console.log(
    `${isThere() > 1 ? isThere() : 'none'} of ${ROUNDS} copies is left, and ${addons} addon was loaded`,
  );
}

main();
