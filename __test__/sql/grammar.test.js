'use strict';

// The analysis is held against PostgreSQL's own grammar. Where they differ, PostgreSQL is right; the differences that
// are known are listed in differences.json, and nothing else may differ.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { analyzeSql } = require('../..');
const { scripts } = require('./corpus');
const differences = require('./differences.json');
const { pglast } = require('./pglast');

const grammar = pglast();
const skip = 'missing' in grammar ? grammar.missing : false;

/** @param {string[]} texts */
function ask(texts) {
  if ('missing' in grammar) throw new Error(grammar.missing);
  return grammar.ask(texts);
}

/** What the analysis and the grammar say of a statement, in one line. */
function judged(/** @type {{ kind: string, class: string }} */ { kind, class: name }) {
  return `${kind} (${name})`;
}

describe("PostgreSQL's grammar", { skip }, () => {
  test('gives every statement of the corpus the kind and class that the analysis gives it', () => {
    const statements = scripts.flatMap(({ sql }) => analyzeSql(sql));
    assert.ok(statements.length > 500, `${statements.length} statements`);
    const answers = ask(statements.map(({ text }) => text));
    const found = statements.flatMap((statement, i) => {
      const expected = answers[i] === null ? 'UNKNOWN (unknown)' : answers[i].map(judged).join('; ');
      const got = judged(statement);
      return got === expected ? [] : [{ statement: statement.text, expected, got }];
    });
    assert.deepEqual(found, differences.statements);
  });

  test('finds the statements of a script where the analysis finds them', () => {
    const before = ['-- a; "b\n', "/* '; /* $$ */ ; */", '\r\n;;\t', ' '];
    const refused = new Set(differences.refused);
    const joined = scripts.map(({ sql }) => {
      const texts = analyzeSql(sql).map(({ text }) => text);
      const taken = texts.filter((text) => !refused.has(text));
      return taken
        .map((text, i) => `${before[i % before.length]}${text}${i % 2 === 0 ? ' -- ;\n' : ''};`)
        .join('');
    });
    const answers = ask(joined);
    for (const [i, sql] of joined.entries()) {
      assert.deepEqual(
        analyzeSql(sql).map(({ start }) => start),
        answers[i].map((/** @type {{ start: number }} */ { start }) => start),
      );
      for (const [at, { end }] of analyzeSql(sql).entries()) {
        const left = sql.slice(end, answers[i][at].end);
        assert.match(left, /^(\s|--.*)*$/);
      }
    }
  });

  test('refuses the statements of the corpus that are listed as such, and no others', () => {
    const texts = scripts.flatMap(({ sql }) => analyzeSql(sql)).map(({ text }) => text);
    const answers = ask(texts);
    assert.deepEqual(
      texts.filter((_, i) => answers[i] === null),
      differences.refused,
    );
  });
});
