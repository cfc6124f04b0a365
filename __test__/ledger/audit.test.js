'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { audit } = require('../../bench/ledger/audit');
const { bodyOf } = require('../../bench/ledger/schema');

const rowsOf = (key, ...parts) => parts.map((part) => ({ key, part, body: bodyOf(key, part) }));

function problemsOf(account, rows, tables = []) {
  const accounts = new Map([['k', { key: 'k', parts: 2, cut: false, ...account }]]);
  return audit(accounts, { rows, tables: new Set(tables) }).map(({ key, what }) => `${key}: ${what}`);
}

describe('an audit', () => {
  for (const state of ['acknowledged', 'unknown', 'begun']) {
    test(`lets an entry be there once and whole that is ${state}`, () => {
      assert.deepEqual(problemsOf({ state }, rowsOf('k', 1, 2)), []);
      assert.deepEqual(problemsOf({ state, table: true }, rowsOf('k', 1, 2), ['made_k']), []);
    });
  }

  for (const state of ['refused', 'unknown', 'begun']) {
    test(`lets an entry be absent that is ${state}`, () => {
      assert.deepEqual(problemsOf({ state }, []), []);
    });
  }

  test('finds an acknowledged entry that is lost', () => {
    assert.deepEqual(problemsOf({ state: 'acknowledged' }, []), [
      'k: lost: acknowledged, and there are 0 of 2 rows',
    ]);
  });

  test('finds a refused entry that is there', () => {
    assert.deepEqual(problemsOf({ state: 'refused' }, rowsOf('k', 1, 2)), [
      'k: untrue: refused, and there are 2 of 2 rows',
    ]);
  });

  for (const state of ['acknowledged', 'refused', 'unknown', 'begun']) {
    test(`finds an entry that is there in part: ${state}`, () => {
      assert.deepEqual(problemsOf({ state }, rowsOf('k', 2)), [
        `k: torn: ${state}, and there are 1 of 2 rows`,
      ]);
      assert.deepEqual(problemsOf({ state, table: true }, rowsOf('k', 1, 2)), [
        `k: torn: ${state}, and there are 2 of 2 rows and no table`,
      ]);
      assert.deepEqual(problemsOf({ state, table: true }, [], ['made_k']), [
        `k: torn: ${state}, and there are 0 of 2 rows and its table`,
      ]);
    });

    test(`finds an entry that is there twice: ${state}`, () => {
      assert.deepEqual(problemsOf({ state }, rowsOf('k', 1, 2, 2)), ['k: doubled: a row is there 2 times']);
    });
  }

  test('finds a script that was committed after it had been cut off', () => {
    const cut = { cut: true, state: 'begun' };
    assert.deepEqual(problemsOf(cut, rowsOf('k', 1, 2)), [
      'k: applied without its caller: cut off in mid-script, and there are 2 of 2 rows',
    ]);
    assert.deepEqual(problemsOf(cut, []), []);
    assert.deepEqual(problemsOf({ ...cut, pipelined: true }, rowsOf('k', 1, 2)), []);
  });

  test('finds a row that no crew wrote', () => {
    const rows = [...rowsOf('k', 1, 2), ...rowsOf('other', 1)];
    assert.deepEqual(problemsOf({ state: 'acknowledged' }, rows), ['other: is there, and no crew wrote it']);
  });

  test('finds a row with another body', () => {
    const rows = [...rowsOf('k', 1), { key: 'k', part: 2, body: bodyOf('k', 1) }];
    assert.deepEqual(problemsOf({ state: 'acknowledged' }, rows), ['k: part 2 has another body']);
  });
});
