'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { contender, oracle } = require('../values/duel');
const { portrait } = require('../values/portrait');

const isPublic = (name) => typeof name === 'string' && !name.startsWith('_');

/** Everything a program can call or read on instances of a class, by the kind of thing it is. */
function membersOf(Class) {
  const members = new Map();
  for (
    let { prototype } = Class;
    prototype && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    for (const name of Reflect.ownKeys(prototype).filter(isPublic)) {
      if (members.has(name)) continue;
      const property = Object.getOwnPropertyDescriptor(prototype, name);
      members.set(name, 'value' in property ? typeof property.value : 'accessor');
    }
  }
  return members;
}

describe('the module has what pg has', () => {
  for (const name of Object.keys(oracle).filter(isPublic)) {
    test(name, () => assert.equal(typeof contender[name], typeof oracle[name]));
  }

  // What opens a socket is not JavaScript's here; the rest is what submittables are written against.
  const OPENING =
    /^(connect|upgradeToSSL|attachListeners|requestSsl|startup|cancel|password|sendSASL.*|sendSCRAM.*)$/;

  for (const name of ['Client', 'Pool', 'Query', 'Result', 'Connection', 'TypeOverrides', 'DatabaseError']) {
    test(`${name} has the methods of pg's ${name}`, () => {
      const [ours, theirs] = [membersOf(contender[name]), membersOf(oracle[name])];
      if (name === 'Connection')
        for (const member of theirs.keys()) if (OPENING.test(member)) theirs.delete(member);
      const missing = [...theirs].filter(
        ([member, kind]) => kind === 'function' && ours.get(member) !== 'function',
      );
      assert.deepEqual(missing, []);
      const unreadable = [...theirs].filter(
        ([member]) => !ours.has(member) && !(member in new contender[name]()),
      );
      assert.deepEqual(unreadable, []);
    });
  }

  test('Client has Query, and native is hidden', () => {
    assert.equal(contender.Client.Query, contender.Query);
    assert.equal(Object.keys(contender).includes('native'), false);
    assert.ok('native' in contender);
  });

  test('types are the very parsers of pg-types, and DatabaseError the class of pg-protocol', () => {
    assert.equal(contender.types, oracle.types);
    assert.equal(contender.types.getTypeParser(1184), oracle.types.getTypeParser(1184));
    assert.equal(contender.DatabaseError, oracle.DatabaseError);
  });

  test('defaults are the same', () => {
    assert.equal(portrait({ ...contender.defaults }), portrait({ ...oracle.defaults }));
  });

  test('TypeOverrides answer in the same way', () => {
    const answers = ({ TypeOverrides, types }) => {
      const overrides = new TypeOverrides();
      overrides.setTypeParser(23, () => 'text');
      overrides.setTypeParser(23, 'binary', () => 'binary');
      overrides.setTypeParser(25, 'text', () => 'word');
      const wrapped = new TypeOverrides({ getTypeParser: (oid, format) => () => `${oid} ${format}` });
      return [
        overrides.getTypeParser(23)('1'),
        overrides.getTypeParser(23, 'text')('1'),
        overrides.getTypeParser(23, 'binary')('1'),
        overrides.getTypeParser(25)('1'),
        overrides.getTypeParser(16) === types.getTypeParser(16),
        overrides.getTypeParser(16, 'binary') === types.getTypeParser(16, 'binary'),
        wrapped.getTypeParser(23)('1'),
        wrapped.getTypeParser(23, 'binary')('1'),
      ];
    };
    assert.deepEqual(answers(contender), answers(oracle));
  });

  test('Result can be filled by hand in the same way', () => {
    const fields = [
      { name: 'n', dataTypeID: 23, format: 'text' },
      { name: 'word', dataTypeID: 25, format: 'text' },
    ];
    const filled = ({ Result }, rowMode) => {
      const result = new Result(rowMode);
      result.addFields(fields);
      result.addRow(result.parseRow(['1', 'a']));
      result.addRow(result.parseRow([null, 'b']));
      result.addCommandComplete({ text: 'INSERT 0 2' });
      const { command, rowCount, oid, rows } = result;
      return portrait({ command, rowCount, oid, rows, names: result.fields.map(({ name }) => name) });
    };
    assert.equal(filled(contender), filled(oracle));
    assert.equal(filled(contender, 'array'), filled(oracle, 'array'));
  });

  test('command tags are taken apart in the same way', () => {
    const tags = [
      'SELECT 5',
      'INSERT 0 1',
      'INSERT 12345 1',
      'CREATE TABLE',
      'BEGIN',
      'COPY 7',
      'MERGE 3',
      'UPDATE 0',
      '',
      'DROP TABLE',
    ];
    const parts = ({ Result }, text) => {
      const result = new Result();
      result.addCommandComplete({ text });
      const { command, rowCount, oid } = result;
      return { command, rowCount, oid };
    };
    for (const tag of tags) assert.deepEqual(parts(contender, tag), parts(oracle, tag));
  });
});
