'use strict';

// Holds the hand-written declarations against what the modules really export, in both directions.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const path = require('node:path');
const { Readable, Writable, Duplex } = require('node:stream');
const { test, describe } = require('node:test');
const { ts, root, compile } = require('./compiler');

const DatabaseManager = require('pgfleet');
const pg = require('pgfleet/pg');
const npmPg = require('pg');

/** Declared by @types/pg on its clients although pg has none of them; kept so that the types fit each other. */
const declaredOnly = ['copyFrom', 'copyTo', 'pauseDrain', 'resumeDrain'];

/** What pg's clients get with their first query, and ours have from the start. */
const laterInPg = ['hasExecuted', 'readyForQuery'];

const file = path.join(root, '__test__', 'types', 'generated', 'contract.mts');
const program = compile(
  new Map([
    [
      file,
      `export { default as manager } from 'pgfleet';
       export * as esm from 'pgfleet';
       export { default as pg } from 'pgfleet/pg';
       export * as pgEsm from 'pgfleet/pg';`,
    ],
  ]),
);
const checker = program.getTypeChecker();
const source = program.getSourceFile(file);
const exported = new Map(
  checker
    .getExportsOfModule(checker.getSymbolAtLocation(source))
    .map((symbol) => [symbol.getName(), checker.getAliasedSymbol(symbol)]),
);

const isPublic = (name) => typeof name === 'string' && !name.startsWith('_');
const sorted = (names) => [...new Set(names)].sort();

/** Properties of the type of a declared value, as JavaScript sees them. */
function declaredProperties(type) {
  return checker
    .getPropertiesOfType(type)
    .filter((symbol) => symbol.getName() !== 'prototype')
    .filter((symbol) => valueOf(symbol));
}

function valueOf(symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return Boolean(target.flags & ts.SymbolFlags.Value);
}

const namesOf = (symbols) => sorted(symbols.map((symbol) => symbol.getName()).filter(isPublic));

/** What a class function has besides what every function has. */
function staticsOf(constructor) {
  return sorted(
    Object.getOwnPropertyNames(constructor)
      .filter(isPublic)
      .filter((name) => !['length', 'name', 'prototype'].includes(name)),
  );
}

/** Names of a class's instances: those of its prototypes, up to the built-in it extends, and those of one instance. */
function membersOf(constructor, instance) {
  const builtIn = new Set(
    [EventEmitter, Readable, Writable, Duplex, Error, Object].map((each) => each.prototype),
  );
  const names = [];
  for (
    let level = constructor.prototype;
    level && !builtIn.has(level);
    level = Object.getPrototypeOf(level)
  ) {
    names.push(...Object.getOwnPropertyNames(level));
  }
  names.push(...Object.getOwnPropertyNames(instance));
  return sorted(
    names.filter((name) => isPublic(name) && name !== 'constructor' && !isBuiltIn(instance, name)),
  );
}

/** Whether Node's own part of an instance brings the name. */
function isBuiltIn(instance, name) {
  const plain = [new EventEmitter(), new Readable(), new Duplex(), new Error('')].filter(
    (each) => instance instanceof Object.getPrototypeOf(each).constructor,
  );
  return plain.some((each) => name in each) || (name === 'domain' && instance instanceof EventEmitter);
}

/** Declared members of a class's instances, without those that come from Node's classes. */
function declaredMembers(symbol) {
  return checker
    .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
    .filter((member) => member.declarations.some(({ parent }) => isOurs(parent.getSourceFile())));
}

/** Whether a member may be missing, because its type has `undefined`. */
function mayBeAbsent(member) {
  const { types = [] } = checker.getTypeOfSymbol(member);
  return types.some(({ flags }) => flags & ts.TypeFlags.Undefined);
}

function isOurs(sourceFile) {
  const relative = path.relative(root, sourceFile.fileName);
  return !relative.startsWith('..') && !relative.startsWith('node_modules');
}

describe('the class that the package is', () => {
  const type = checker.getTypeOfSymbol(exported.get('manager'));

  test('has every static that index.d.ts declares, and no other', () => {
    assert.deepEqual(staticsOf(DatabaseManager), namesOf(declaredProperties(type)));
  });

  test('is its own default export', () => {
    assert.equal(DatabaseManager.default, DatabaseManager);
    assert.equal(DatabaseManager.DatabaseManager, DatabaseManager);
  });
});

test('the ES module exports every name that index.d.mts declares, and no other', async () => {
  const names = namesOf(declaredProperties(checker.getTypeOfSymbol(exported.get('esm'))));
  assert.deepEqual(sorted(Object.keys(await import('pgfleet'))), names);
});

test('every type that is a name of the class is a name of the ES module', () => {
  const isType = (symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return Boolean(target.flags & ts.SymbolFlags.Type);
  };
  const typesOf = (name) =>
    namesOf(checker.getExportsOfModule(exported.get(name)).filter(isType)).filter(
      (each) => each !== 'default',
    );
  assert.deepEqual(typesOf('esm'), typesOf('manager'));
});

test('pgfleet/pg exports every name that types/pg.d.ts declares, and no other', () => {
  const type = checker.getTypeOfSymbol(exported.get('pg'));
  // TypeScript adds a `default` of its own to a CommonJS module that is imported by an ES module.
  const names = namesOf(declaredProperties(type)).filter((name) => name !== 'default');
  assert.deepEqual(sorted(Object.getOwnPropertyNames(pg).filter(isPublic)), names);
});

test('the ES module of pgfleet/pg exports every name that types/pg.d.mts declares, and no other', async () => {
  const names = namesOf(declaredProperties(checker.getTypeOfSymbol(exported.get('pgEsm'))));
  assert.deepEqual(sorted(Object.keys(await import('pgfleet/pg'))), names);
});

test('pgfleet/pg exports exactly what pg exports', async () => {
  assert.deepEqual(sorted(Object.keys(pg)), sorted(Object.keys(npmPg)));
  assert.deepEqual(sorted(Object.keys(await import('pgfleet/pg'))), sorted(Object.keys(await import('pg'))));
});

/** One instance of each class, made without a server. */
const instances = {
  DatabaseManager: () => new DatabaseManager(),
  Client: (module) => new module.Client(),
  Connection: (module) => new module.Connection(),
  Cursor: (module) => new module.Cursor('SELECT 1'),
  DatabaseError: (module) => new module.DatabaseError('message', 0, 'error'),
  Pool: (module) => new module.Pool(),
  Query: (module) => new module.Query('SELECT 1'),
  QueryStream: (module) => new module.QueryStream('SELECT 1'),
  Result: (module) => new module.Result(),
  TypeOverrides: (module) => new module.TypeOverrides(),
};

test('every class that is declared is held against its instances below', () => {
  const type = checker.getTypeOfSymbol(exported.get('manager'));
  const classes = declaredProperties(type)
    .filter((symbol) => symbol.getName() !== 'default')
    .filter((symbol) => checker.getTypeOfSymbol(symbol).getConstructSignatures().length > 0);
  assert.deepEqual(namesOf(classes), sorted(Object.keys(instances)));
});

for (const [name, make] of Object.entries(instances)) {
  describe(`class ${name}`, () => {
    const symbol = checker.getTypeOfSymbol(exported.get('manager')).getProperty(name);
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const declared = declaredMembers(target);

    test('has every member that is declared', () => {
      const instance = make(DatabaseManager);
      const missing = declared
        .filter((member) => !mayBeAbsent(member))
        .map((member) => member.getName())
        .filter((member) => isPublic(member) && !declaredOnly.includes(member))
        .filter((member) => !(member in instance));
      assert.deepEqual(missing, []);
    });

    test('declares every member that pg does not have by the same name', () => {
      const theirs = npmPg[name] ? make(npmPg) : {};
      const undeclared = membersOf(DatabaseManager[name], make(DatabaseManager))
        .filter((member) => !declared.some((each) => each.getName() === member))
        .filter((member) => !(member in theirs) && !laterInPg.includes(member));
      assert.deepEqual(undeclared, []);
    });
  });
}

test('what can be disposed of says so', () => {
  for (const name of Object.keys(instances)) {
    const instance = instances[name](DatabaseManager);
    const type = checker.getTypeOfSymbol(exported.get('manager')).getProperty(name);
    const target = type.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(type) : type;
    const says = declaredMembers(target).some((member) => member.getName().startsWith('__@asyncDispose'));
    assert.equal(says, Symbol.asyncDispose in instance && !isBuiltIn(instance, Symbol.asyncDispose), name);
  }
});
