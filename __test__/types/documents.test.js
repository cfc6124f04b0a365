'use strict';

// Holds what the documents say against the declarations, package.json and the files that are there.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test, describe } = require('node:test');
const { root, compile } = require('./compiler');

const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8');

/** Rows of the table between two markers, as cells. */
function table(name) {
  const [, text] = new RegExp(`<!-- ${name}:start -->\n([^]*)<!-- ${name}:end -->`).exec(readme);
  const [, , ...rows] = text.trim().split('\n');
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const codes = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code);

function optionsOf(type) {
  const file = path.join(root, '__test__', 'types', 'generated', 'options.ts');
  const program = compile(
    new Map([[file, `import { ${type} } from 'pgfleet'; export declare const it: ${type};`]]),
  );
  const checker = program.getTypeChecker();
  const [symbol] = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)));
  return checker.getPropertiesOfType(checker.getTypeOfSymbol(symbol)).map((each) => each.getName());
}

test('the options of the README are those that are declared', () => {
  const rows = table('options');
  assert.deepEqual(rows.flatMap(([option]) => codes(option)).sort(), optionsOf('DatabaseConfig').sort());
  const forPools = rows.filter(([, mark]) => mark === '✓').flatMap(([option]) => codes(option));
  assert.deepEqual(forPools.sort(), optionsOf('PoolConfig').sort());
});

test('the keys that a configuration file may have are those that are declared', () => {
  const { DATABASE_KEYS, FILE_KEYS } = require('../../lib/config/known-keys');
  // Known, so that it is refused by name.
  assert.deepEqual([...DATABASE_KEYS].sort(), [...optionsOf('DatabaseConfig'), 'schema'].sort());
  assert.deepEqual([...FILE_KEYS, '$schema'].sort(), optionsOf('Configuration').sort());
});

test('the platforms of the README are those that are built', () => {
  const { napi } = require(path.join(root, 'package.json'));
  const systems = { Linux: 'unknown-linux', macOS: 'apple-darwin', Windows: 'pc-windows' };
  const cpus = { x64: 'x86_64', arm64: 'aarch64' };
  const libraries = { glibc: '-gnu', musl: '-musl' };
  const named = table('platforms').flatMap(([system, cpu, library]) =>
    cpu
      .split(', ')
      .flatMap((each) =>
        (library
          ? library.split(', ').map((name) => libraries[name])
          : [system === 'Windows' ? '-msvc' : '']
        ).map((suffix) => `${cpus[each]}-${systems[system]}${suffix}`),
      ),
  );
  assert.deepEqual(named.sort(), [...napi.targets].sort());
});

describe('documents', () => {
  const files = ['README.md', 'ARCHITECTURE.md', ...markdown('docs')];

  for (const file of files) {
    const text = fs.readFileSync(path.join(root, file), 'utf8');

    test(`every link of ${file} leads to something that is there`, () => {
      const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
      const broken = links
        .filter((link) => !/^https?:/.test(link))
        .filter((link) => !leadsSomewhere(file, link));
      assert.deepEqual(broken, []);
    });

    test(`every file of this repository that ${file} names is there`, () => {
      const named = [
        ...text.matchAll(/`((?:__test__|bench|docs|examples|lib|scripts|src|types)\/[\w./-]+)`/g),
      ];
      const missing = named.map(([, name]) => name).filter((name) => !fs.existsSync(path.join(root, name)));
      assert.deepEqual(missing, []);
    });
  }
});

function markdown(folder) {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join(folder, name));
}

function leadsSomewhere(file, link) {
  const [place, anchor] = link.split('#');
  const target = place === '' ? path.join(root, file) : path.join(root, path.dirname(file), place);
  if (!fs.existsSync(target)) return false;
  return anchor === undefined || headings(fs.readFileSync(target, 'utf8')).includes(anchor);
}

/** Anchors as they are made of headings: lower case, words joined by hyphens, no punctuation. */
function headings(text) {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
