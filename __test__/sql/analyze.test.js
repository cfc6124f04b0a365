'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const DatabaseManager = require('../..');

const { analyzeSql, lint } = DatabaseManager;

/**
 * @param {string} sql
 * @param {import('../../index').AnalysisOptions} [options]
 */
function texts(sql, options) {
  return analyzeSql(sql, options).map(({ text }) => text);
}

describe('analyzeSql', () => {
  test('is a static method of the class, as lint is, and both answer at once', () => {
    assert.equal(DatabaseManager.analyzeSql, analyzeSql);
    assert.equal(DatabaseManager.lint, lint);
    assert.deepEqual(analyzeSql(''), []);
    assert.deepEqual(lint('SELECT 1'), []);
  });

  test('says what a statement is and does', () => {
    const found = analyzeSql(' ALTER TABLE Shop."Order" ADD FOREIGN KEY (a) REFERENCES hot -- why\n;');
    const { findings } = found[0];
    assert.deepEqual(found, [
      {
        text: 'ALTER TABLE Shop."Order" ADD FOREIGN KEY (a) REFERENCES hot',
        start: 1,
        end: 60,
        line: 1,
        column: 2,
        kind: 'ALTER TABLE',
        class: 'alter',
        transactional: true,
        locks: [
          { relation: 'shop.Order', mode: 'SHARE ROW EXCLUSIVE' },
          { relation: 'hot', mode: 'SHARE ROW EXCLUSIVE' },
        ],
        findings,
      },
    ]);
    assert.ok(findings.some(({ rule }) => rule === 'adding-foreign-key-constraint'));
  });

  test('counts in UTF-16 units, with a byte order mark, zero characters, emoji and lone surrogates in the text', () => {
    const sql = "\uFEFF/* 🐘 */ SELECT '\ud800', '🐘\0'; SELECT 2;\r\n\t SELECT\r\n3 ; \udc00 SELECT 4";
    const found = analyzeSql(sql);
    assert.deepEqual(
      found.map(({ start, end }) => sql.slice(start, end)),
      found.map(({ text }) => text),
    );
    assert.deepEqual(
      found.map(({ text, line, column }) => [text, line, column]),
      [
        ["SELECT '\ud800', '🐘\0'", 1, 11],
        ['SELECT 2', 1, 30],
        ['SELECT\r\n3', 2, 3],
        ['\udc00 SELECT 4', 3, 5],
      ],
    );
  });

  test('takes each of CR LF, LF and CR for one line end', () => {
    const lines = analyzeSql('SELECT 1;\r\nSELECT 2;\nSELECT 3;\rSELECT 4').map(({ line }) => line);
    assert.deepEqual(lines, [1, 2, 3, 4]);
  });

  test('gives each statement its own locks', () => {
    const locks = analyzeSql('TRUNCATE a, b; SELECT 1; DROP TABLE c').map((statement) =>
      statement.locks.map(({ relation }) => relation),
    );
    assert.deepEqual(locks, [['a', 'b'], [], ['c']]);
  });

  test('passes over the data behind COPY FROM STDIN, and what pg_dump writes around its script', () => {
    const sql =
      '\\restrict x\nCOPY t FROM stdin;\n1;\t\\N\nDROP TABLE t;\n\\.\n\nSELECT 1;\n\\unrestrict x\n';
    assert.deepEqual(texts(sql), ['COPY t FROM stdin', 'SELECT 1']);
  });

  test('goes by the version of the server', () => {
    const transactional = (/** @type {number} */ serverVersion) =>
      analyzeSql("ALTER TYPE e ADD VALUE 'x'", { serverVersion })[0].transactional;
    assert.deepEqual([transactional(11), transactional(12)], [false, true]);
  });

  for (const [name, sql, line] of [
    ['\\connect', 'SELECT 1;\r\n\\connect other', 2],
    ['\\i', '\\i other.sql', 1],
    ['\\set', 'SELECT 1;\n\n  \\set a 1', 3],
    ['\\gexec', 'SELECT 1 \\gexec', 1],
    ['\\copy', "\\copy t from 'x'", 1],
    ['\\.', 'SELECT 1;\n\\.\n', 2],
  ]) {
    test(`refuses ${name}, which is psql's, by its name`, () => {
      for (const call of [analyzeSql, lint]) {
        assert.throws(() => call(String(sql)), {
          name: 'SyntaxError',
          code: 'PGFLEET_PSQL',
          message: new RegExp(`^\\${name} in line ${line} is a command of psql`),
        });
      }
    });
  }

  test('answers 500 levels and refuses 20,000', () => {
    for (const [before, behind] of [
      ['(', ')'],
      ['CASE WHEN true THEN ', ' END'],
      ['(SELECT ', ')'],
      ['ARRAY[', ']'],
    ]) {
      const nested = (/** @type {number} */ times) =>
        `SELECT ${before.repeat(times)}1${behind.repeat(times)}`;
      assert.equal(analyzeSql(nested(500))[0].kind, 'SELECT');
      assert.throws(() => analyzeSql(`SELECT 1;\n${nested(20_000)}`), {
        name: 'RangeError',
        code: 'PGFLEET_TOO_DEEP',
        message: /^The statement in line 2 is nested too deep/,
      });
    }
  });

  test('answers chains of 100,000 operators', () => {
    for (const link of ['+1', ' AND a', '::int', ' || b', ' UNION SELECT 1', ' = c']) {
      assert.equal(analyzeSql(`SELECT 1${link.repeat(100_000)}`)[0].kind, 'SELECT', link);
    }
  });

  test('answers as well on a worker thread with a small stack', async () => {
    const worker = new Worker(
      `const { analyzeSql } = require(${JSON.stringify(path.join(__dirname, '../..'))});
       const { parentPort } = require('node:worker_threads');
       const nested = 'SELECT ' + '(SELECT '.repeat(900) + '1' + ')'.repeat(900);
       const chained = 'SELECT ' + 'NOT '.repeat(100_000) + 'true';
       parentPort.postMessage(analyzeSql(nested + ';' + chained).map(({ kind }) => kind));`,
      { eval: true, resourceLimits: { stackSizeMb: 1 } },
    );
    const [kinds] = await once(worker, 'message');
    assert.deepEqual(kinds, ['SELECT', 'SELECT']);
    await worker.terminate();
  });

  for (const [sql, options, message] of /** @type {[any, any, RegExp][]} */ ([
    [undefined, undefined, /^SQL must be a string, got undefined$/],
    [['SELECT 1'], undefined, /^SQL must be a string, got an array$/],
    ['SELECT 1', null, /^The options of \w+ must be an object, got null$/],
    ['SELECT 1', '17', /^The options of \w+ must be an object, got "17"$/],
    ['SELECT 1', { serverVersion: '17' }, /^"serverVersion" must be a major version.*got "17"$/],
    ['SELECT 1', { serverVersion: 9 }, /^"serverVersion" must be a major version.*from 10, got 9$/],
    ['SELECT 1', { serverVersion: 170004 }, /^"serverVersion" must be a major version/],
    ['SELECT 1', { inTransaction: 1 }, /^"inTransaction" must be true or false, got 1$/],
  ])) {
    test(`says what was expected: ${message.source}`, () => {
      for (const call of [analyzeSql, lint]) {
        assert.throws(() => call(sql, options), { name: 'TypeError', message });
      }
    });
  }
});
