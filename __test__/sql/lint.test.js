'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { analyzeSql, lint } = require('../..');

/**
 * @param {string} sql
 * @param {import('../../index').AnalysisOptions} [options]
 */
const rules = (sql, options) => lint(sql, options).map(({ rule }) => rule);

describe('lint', () => {
  test('answers with the findings of all statements, each with words of its own, a remedy and a place', () => {
    const sql = 'SELECT 1;\r\n/* 🐘 */ CREATE INDEX "by 🐘" ON Users (name); DROP VIEW v';
    const found = lint(sql);
    assert.deepEqual(
      found,
      analyzeSql(sql).flatMap(({ findings }) => findings),
    );
    const index = found.find(({ rule }) => rule === 'require-concurrent-index-creation');
    assert.deepEqual(index, {
      rule: 'require-concurrent-index-creation',
      severity: 'error',
      message: 'CREATE INDEX on Users stops all writes to the table until the index is built.',
      why: index.why,
      remedy: 'CREATE INDEX CONCURRENTLY "by 🐘" ON Users (name);',
      start: 20,
      end: 56,
      line: 2,
      column: 10,
    });
    assert.equal(sql.slice(index.start, index.end), 'CREATE INDEX "by 🐘" ON Users (name)');
    assert.match(index.why, /SHARE lock/);
  });

  test('tells each place right where findings overlap and where a comment is the place', () => {
    const sql =
      '-- pgfleet-ignore nothing\nALTER TABLE t ADD COLUMN a int NOT NULL UNIQUE, ADD b char(3);\nDROP TABLE t;';
    for (const { start, end, line, column } of lint(sql)) {
      const before = sql.slice(0, start).split('\n');
      assert.deepEqual(
        [line, column],
        [before.length, before[before.length - 1].length + 1],
        sql.slice(start, end),
      );
    }
    assert.equal(lint(sql)[0].rule, 'unused-ignore');
    assert.equal(sql.slice(lint(sql)[0].start, lint(sql)[0].end), 'nothing');
  });

  test('has the rules that are on by option only where they are named', () => {
    assert.ok(!rules('DROP INDEX i').includes('ban-drop-index'));
    assert.ok(rules('DROP INDEX i', { rules: ['ban-drop-index'] }).includes('ban-drop-index'));
    assert.ok(
      analyzeSql('DROP INDEX i', { rules: ['ban-drop-index'] })[0].findings.some(
        ({ rule }) => rule === 'ban-drop-index',
      ),
    );
    for (const wrong of ['ban-drop-index', [1], {}, null]) {
      assert.throws(() => lint('', { rules: /** @type {any} */ (wrong) }), {
        name: 'TypeError',
        message: /^"rules" must be a list of names of rules, got /,
      });
    }
    assert.throws(() => lint('', { rules: ['ban-drop-index', 'ban-all'] }), {
      name: 'TypeError',
      message: /^"rules" names .*ban-all.*, which is no rule/,
    });
  });

  test('is silent about what a comment before the statement names, and about all without a name', () => {
    assert.ok(rules('DROP TABLE t').includes('ban-drop-table'));
    assert.ok(!rules('-- pgfleet-ignore ban-drop-table\nDROP TABLE t').includes('ban-drop-table'));
    assert.ok(
      rules('-- squawk-ignore ban-drop-table\nDROP TABLE t; DROP TABLE u').includes('ban-drop-table'),
    );
    assert.deepEqual(rules('/* pgfleet-ignore */ DROP TABLE t'), []);
  });

  test('says nothing about locks of a table that the script creates, and about those of the transaction around it', () => {
    assert.ok(
      !rules('CREATE TABLE t (a int); CREATE INDEX ON t (a)').includes('require-concurrent-index-creation'),
    );
    const sql = "ALTER TYPE e ADD VALUE 'x'; SELECT 'x'::e";
    assert.ok(!rules(sql).includes('enum-value-before-commit'));
    assert.ok(rules(sql, { inTransaction: true }).includes('enum-value-before-commit'));
  });
});
