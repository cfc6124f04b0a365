'use strict';

// Holds our declarations against those of @types/pg, name by name, in both directions. The comparison is generated
// from the exports of @types/pg, so a name that a later version adds is compared too.

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { ts, compile, complaints } = require('./compiler');

const directory = path.join(__dirname, 'generated');

/** Declared as classes by @types/pg, while `pg` exports no such values: here they are types only. */
const withoutValue = ['ClientBase', 'Events'];

/** `native` is the type of the whole module, so it differs by the two names above. */
const wholeModule = ['native'];

function exportsOf(module) {
  const file = path.join(directory, 'names.ts');
  const program = compile(new Map([[file, `export * from '${module}';`]]));
  const checker = program.getTypeChecker();
  const symbol = checker.getSymbolAtLocation(program.getSourceFile(file));
  return checker.getExportsOfModule(symbol).map((alias) => {
    const target = alias.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(alias) : alias;
    return {
      name: alias.getName(),
      isType: Boolean(target.flags & ts.SymbolFlags.Type),
      isClass: Boolean(target.flags & ts.SymbolFlags.Class),
      isValue: Boolean(target.flags & ts.SymbolFlags.Value),
      needsArgument: target.getName() === 'QueryConfigValues',
    };
  });
}

const names = exportsOf('pg');

function comparison(expressions) {
  const lines = ["import * as theirs from 'pg';", "import * as ours from 'pgfleet/pg';"];
  expressions.forEach((assignment, index) => lines.push(...assignment(index)));
  return `${lines.join('\n')}\nexport {};\n`;
}

/** Two declared constants and an assignment of one to the other. */
const assign = (from, to) => (index) => [
  `declare const from${index}: ${from};`,
  `export const to${index}: ${to} = from${index};`,
];

function check(title, assignments) {
  test(title, () => {
    assert.ok(assignments.length > 0);
    const file = path.join(directory, 'comparison.ts');
    assert.deepEqual(complaints(compile(new Map([[file, comparison(assignments)]])), file), []);
  });
}

const types = names.filter(({ isType }) => isType);
const argument = ({ needsArgument }) => (needsArgument ? '<[string, number]>' : '');
const values = names.filter(({ name, isValue }) => isValue && !withoutValue.includes(name));

check(
  'every type of @types/pg takes ours of the same name',
  types.map((each) => assign(`ours.${each.name}${argument(each)}`, `theirs.${each.name}${argument(each)}`)),
);

check(
  'every interface and alias of ours takes that of @types/pg',
  types
    .filter(({ name, isClass }) => !isClass && name !== 'PoolClient')
    .map((each) => assign(`theirs.${each.name}${argument(each)}`, `ours.${each.name}${argument(each)}`)),
);

check(
  'every value of @types/pg takes ours of the same name',
  values
    .filter(({ name }) => !wholeModule.includes(name))
    .map(({ name }) => assign(`typeof ours.${name}`, `typeof theirs.${name}`)),
);

check(
  'generic types of both take the same arguments',
  [
    'QueryResult<{ a: number }>',
    'QueryArrayResult<[number, string]>',
    'QueryConfig<[number, string]>',
    'QueryArrayConfig<[number, string]>',
    'ResultBuilder<{ a: number }>',
    'Query<{ a: number }, [number]>',
    'Result<{ a: number }>',
  ].flatMap((type) => [assign(`ours.${type}`, `theirs.${type}`), assign(`theirs.${type}`, `ours.${type}`)]),
);

test('the values that @types/pg declares and pg lacks are the ones we leave out', () => {
  const pg = require('pg');
  const absent = names.filter(({ name, isValue }) => isValue && !(name in pg)).map(({ name }) => name);
  assert.deepEqual(absent.sort(), withoutValue);
});

test('pgfleet itself has every name of pgfleet/pg', () => {
  const ours = exportsOf('pgfleet/pg').map(({ name }) => name);
  const file = path.join(directory, 'all.ts');
  const list = ours.map((name) => `  ${name},`).join('\n');
  const files = new Map([[file, `export type {\n${list}\n} from 'pgfleet';\n`]]);
  assert.deepEqual(complaints(compile(files), file), []);
});
