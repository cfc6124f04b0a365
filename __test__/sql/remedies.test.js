'use strict';

// Each remedy runs on PostgreSQL, and ends in the schema that the statement itself ends in, or in what a careful person
// does instead.

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { Client } = require('pg');
const { analyzeSql, lint } = require('../..');
const { postgres } = require('../support/server.js');
const { scripts } = require('./corpus.js');
const { CREATE, INSTEAD, OPTIONAL, SAME, UNTRIED } = require('./remedies.js');

/** What a schema is: its columns by name, constraints, indexes, triggers, policies, sequences, views, types. */
const SCHEMA = `
  SELECT 'column' AS kind, c.relname || '.' || a.attname AS name,
    concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text, a.attgenerated::text,
      a.attcollation, pg_get_expr(d.adbin, d.adrelid)) AS text
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 'relation', relname, concat_ws(' ', relkind::text, relrowsecurity, reloptions::text,
    CASE WHEN relkind = 'v' THEN pg_get_viewdef(oid) WHEN relkind = 'i' THEN pg_get_indexdef(oid) END)
  FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'index', indexrelid::regclass::text, concat_ws(' ', indisvalid, indisunique, indisprimary)
  FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'constraint', conname, concat_ws(' ', conrelid::regclass, contypid::regtype, convalidated, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL
  SELECT 'policy', polname, pg_get_expr(polqual, polrelid) FROM pg_policy
  UNION ALL
  SELECT 'sequence', sequencename, concat_ws(' ', data_type, start_value, increment_by) FROM pg_sequences
  WHERE schemaname = 'public'
  UNION ALL
  SELECT 'function', oid::regprocedure::text, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'type', typname, (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
  FROM pg_type t WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
  ORDER BY 1, 2, 3`;

/** @type {import('../support/server.js').TestServer} */
let server;

before(async () => {
  server = await postgres();
});

/**
 * Runs scripts one after the other in a database of their own, statement by statement, and asks something at the end.
 *
 * @param {string[]} scripts
 * @param {string} query
 */
async function endOf(scripts, query) {
  const database = await server.createDatabase();
  const client = new Client({ ...server.config(), database });
  await client.connect();
  try {
    for (const script of scripts) {
      for (const { text } of analyzeSql(script)) await client.query(text);
    }
    await client.query('RESET ALL');
    const { rows } = await client.query({ text: query, rowMode: 'array' });
    return rows;
  } finally {
    await client.end();
    await server.asSuperuser((superuser) => superuser.query(`DROP DATABASE IF EXISTS ${database}`));
  }
}

/** @param {import('./remedies.js').Trial} trial */
function remedyOf({ rule, sql, options }) {
  const found = lint(sql, options).find((finding) => finding.rule === rule);
  assert.ok(found, `${rule} isn't among ${lint(sql, options).map((finding) => finding.rule)} of ${sql}`);
  return found.remedy;
}

const TRIALS = [...SAME, ...INSTEAD, ...OPTIONAL];

test('each documented rule is tried, but for a few', () => {
  const documentation = readFileSync(path.join(__dirname, '../../docs/lint.md'), 'utf8');
  const documented = Array.from(documentation.matchAll(/^\| `([a-z-]+)` \|/gm), ([, rule]) => rule);
  const tried = new Set(TRIALS.map(({ rule }) => rule));
  assert.deepEqual(
    documented.filter((rule) => !tried.has(rule)),
    UNTRIED,
  );
});

test('the remedies for statements of every kind can be parsed, in a transaction and outside', () => {
  const rules = OPTIONAL.map(({ rule }) => rule);
  for (const { sql } of scripts) {
    for (const { text } of analyzeSql(sql)) {
      const found = [...lint(text, { rules }), ...lint(text, { rules, inTransaction: true })];
      for (const { rule, remedy } of found) {
        const broken = analyzeSql(remedy).filter((statement) => statement.class === 'unknown');
        assert.deepEqual(broken, [], `${rule} of ${text}`);
      }
    }
  }
});

describe('the remedy for', () => {
  for (const trial of TRIALS) {
    const { rule, before: setup = CREATE, sql, first = '', ends } = trial;
    if (!ends) {
      test(`${rule} ends in the schema of ${sql.slice(0, 100)}`, async () => {
        const remedy = remedyOf(trial);
        assert.notEqual(remedy, `${sql};`);
        assert.deepEqual(await endOf([setup, remedy], SCHEMA), await endOf([setup, sql], SCHEMA), remedy);
      });
      continue;
    }
    test(`${rule} does something else than ${sql.slice(0, 100)}`, async () => {
      const remedy = remedyOf(trial);
      assert.deepEqual(await endOf([setup, first, remedy], ends.query), ends.rows, remedy);
    });
  }
});

after(async () => {
  await server.asSuperuser((client) => client.query('DROP DATABASE IF EXISTS lint_gone'));
});
