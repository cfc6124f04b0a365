'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { test, describe } = require('node:test');
const { ts, root, compile, complaints, folder } = require('./compiler');

const written = 'pg';
const replacements = [written, 'pgfleet/pg', 'pgfleet'];

/** The same program as written for `pg`, taking another module in its place. */
function withModule(text, name) {
  return text.replaceAll(/(\bfrom |\brequire\(|\bimport\()'pg'/g, `$1'${name}'`);
}

describe('programs written for @types/pg', () => {
  const variants = [];
  const files = new Map();
  for (const [file, text] of folder('programs')) {
    for (const name of replacements) {
      const { dir, base } = path.parse(file);
      const variant = path.join(dir, `${name.replace('/', '-')}.${base}`);
      files.set(variant, withModule(text, name));
      variants.push({ variant, base, name });
    }
  }
  const program = compile(files);
  for (const { variant, base, name } of variants) {
    test(`${base} compiles with '${name}'`, () => {
      assert.deepEqual(complaints(program, variant), []);
    });
  }
});

// As with an alias in package.json: the libraries' own declarations get it as well.
for (const declarations of ['types/pg.d.ts', 'index.d.ts']) {
  describe(`programs written for @types/pg where every 'pg' is ${declarations}`, () => {
    const files = folder('programs');
    const program = compile(files, { paths: { pg: [path.join(root, declarations)] } });
    for (const file of files.keys()) {
      test(`${path.basename(file)} compiles`, () => {
        assert.deepEqual(complaints(program, file), []);
      });
    }
  });
}

describe('consumers of pgfleet', () => {
  const files = folder('consumers');
  const program = compile(files);
  for (const file of files.keys()) {
    test(`${path.basename(file)} compiles under nodenext`, () => {
      assert.deepEqual(complaints(program, file), []);
    });
  }
});

test('a program for a bundler compiles', () => {
  const files = folder('consumers');
  const file = path.join(__dirname, 'consumers', 'esm.mts');
  const program = compile(new Map([[file, files.get(file)]]), {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  });
  assert.deepEqual(complaints(program, file), []);
});

test('a program that has the package as a folder compiles', () => {
  const file = path.join(root, '__test__', 'app', 'program.cts');
  const text = folder('consumers')
    .get(path.join(__dirname, 'consumers', 'import-require.cts'))
    .replace("'pgfleet'", "'../../index.js'")
    .replace("'pgfleet/pg'", "'../../types/pg.js'");
  assert.deepEqual(complaints(compile(new Map([[file, text]])), file), []);
});

test('the declarations themselves are free of errors without skipLibCheck', () => {
  const program = compile(new Map(folder('consumers')), { skipLibCheck: false });
  const ours = program
    .getSourceFiles()
    .map(({ fileName }) => fileName)
    .filter(
      (name) => name.startsWith(root + path.sep) && !path.relative(root, name).startsWith('node_modules'),
    );
  assert.ok(ours.includes(path.join(root, 'index.d.ts')));
  assert.ok(ours.includes(path.join(root, 'index.d.mts')));
  for (const file of ours) assert.deepEqual(complaints(program, file), [], file);
});
