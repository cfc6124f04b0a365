'use strict';

// For each rule what its remedy is tried on: the schema before it, the statement, and what the remedy ends in: the
// schema that the statement ends in, or what a query says.

const CREATE =
  'CREATE TABLE t (id int PRIMARY KEY, a int, b text NOT NULL); INSERT INTO t VALUES (1, 1, $$x$$), (2, 2, $$y$$)';
const USERS = 'CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1), (2)';

/**
 * @typedef {{
 *   rule: string,
 *   before?: string,
 *   sql: string,
 *   ends?: { query: string, rows: unknown[][] },
 *   first?: string,
 *   options?: import('../../index').AnalysisOptions,
 * }} Trial `ends` in place of the schema that the statement itself ends in; `first` is run before the remedy
 */

const columnTypes = (/** @type {string} */ table) =>
  `SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
   WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname`;

/** @type {Trial[]} */
const SAME = [
  { rule: 'require-concurrent-index-creation', sql: 'CREATE INDEX t_a ON t (a) WHERE a > 0' },
  { rule: 'require-concurrent-index-creation', sql: 'create unique index "T_b" on public.t using btree (b)' },
  {
    rule: 'require-concurrent-index-deletion',
    before: `${CREATE}; CREATE INDEX one ON t (a); CREATE INDEX "Two" ON t (b)`,
    sql: 'DROP INDEX IF EXISTS one, public."Two"',
  },
  { rule: 'constraint-missing-not-valid', sql: 'ALTER TABLE t ADD CHECK (a > 0)' },
  {
    rule: 'constraint-missing-not-valid',
    sql: 'ALTER TABLE t ADD CHECK (a > 0 AND length(b) > 0), ALTER a SET DEFAULT 3',
  },
  {
    rule: 'constraint-missing-not-valid',
    sql: 'ALTER TABLE ONLY t ADD COLUMN c int, ADD CONSTRAINT "C" CHECK (c > 0), DROP COLUMN a',
  },
  {
    rule: 'constraint-missing-not-valid',
    sql: 'ALTER TABLE t ADD UNIQUE (a, b) INCLUDE (id) WITH (fillfactor = 70) DEFERRABLE',
  },
  {
    rule: 'constraint-missing-not-valid',
    before: `CREATE TABLE t (id int, a int, b text); INSERT INTO t VALUES (1, 1, 'x')`,
    sql: 'ALTER TABLE t ADD PRIMARY KEY (id, a)',
  },
  {
    rule: 'constraint-missing-not-valid',
    before: `${CREATE}; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID`,
    sql: 'BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c',
    ends: { query: "SELECT convalidated FROM pg_constraint WHERE conname = 'c'", rows: [[true]] },
  },
  {
    rule: 'adding-foreign-key-constraint',
    before: `${CREATE}; ${USERS}`,
    sql: 'ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id) ON DELETE CASCADE DEFERRABLE',
  },
  {
    rule: 'adding-foreign-key-constraint',
    before: `${CREATE}; ${USERS}`,
    sql: 'ALTER TABLE t ADD COLUMN user_id int CONSTRAINT "Owner" REFERENCES u ON DELETE SET NULL',
  },
  {
    rule: 'adding-field-with-default',
    sql: 'ALTER TABLE t ADD COLUMN c uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE',
  },
  {
    rule: 'adding-field-with-default',
    sql: 'ALTER TABLE t ADD COLUMN IF NOT EXISTS c float CHECK (c >= 0) DEFAULT random()',
  },
  {
    rule: 'adding-field-with-default',
    sql: 'ALTER TABLE t ADD COLUMN c bigint GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 2)',
  },
  {
    rule: 'adding-field-with-default',
    sql: 'ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (a + 1) STORED',
    ends: {
      query: 'SELECT c, a FROM t ORDER BY id',
      rows: [
        [2, 1],
        [3, 2],
      ],
    },
  },
  { rule: 'rewriting-default', sql: 'ALTER TABLE t ADD COLUMN c bigserial' },
  { rule: 'rewriting-default', sql: 'ALTER TABLE t ADD COLUMN c float[] NOT NULL DEFAULT ARRAY[random()]' },
  {
    rule: 'adding-not-nullable-field',
    sql: 'ALTER TABLE public.t ALTER COLUMN a SET NOT NULL, ALTER COLUMN a SET DEFAULT 1',
  },
  {
    rule: 'adding-serial-primary-key-field',
    before: 'CREATE TABLE "T" (a int); INSERT INTO "T" VALUES (1), (2)',
    sql: 'ALTER TABLE "T" ADD COLUMN id serial PRIMARY KEY',
  },
  {
    rule: 'adding-serial-primary-key-field',
    before: 'CREATE TABLE t (id int, a int); INSERT INTO t VALUES (1, 1)',
    sql: 'ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (id)',
  },
  {
    rule: 'adding-required-field',
    before: 'CREATE TABLE t (id int)',
    sql: 'ALTER TABLE t ADD COLUMN c text COLLATE "C" NOT NULL',
  },
  {
    rule: 'disallowed-unique-constraint',
    sql: 'ALTER TABLE t ADD CONSTRAINT k UNIQUE NULLS NOT DISTINCT (a)',
  },
  { rule: 'disallowed-unique-constraint', sql: 'ALTER TABLE t ADD COLUMN c int UNIQUE' },
  {
    rule: 'changing-column-type',
    sql: 'ALTER TABLE t ALTER COLUMN a TYPE bigint',
    ends: {
      query: columnTypes('t'),
      rows: [
        ['a', 'bigint'],
        ['b', 'text'],
        ['id', 'integer'],
      ],
    },
  },
  {
    rule: 'changing-column-type',
    sql: 'ALTER TABLE t ALTER COLUMN b SET DATA TYPE int USING length(b)',
    ends: { query: 'SELECT b FROM t ORDER BY id', rows: [[1], [1]] },
  },
  {
    rule: 'require-concurrent-partition-detach',
    before: 'CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)',
    sql: 'ALTER TABLE p DETACH PARTITION p1',
    ends: { query: 'SELECT relispartition FROM pg_class WHERE relname = $$p1$$', rows: [[false]] },
  },
  { rule: 'require-concurrent-reindex', sql: 'REINDEX TABLE t' },
  { rule: 'require-lock-timeout', sql: 'ALTER TABLE t ADD COLUMN c int' },
  { rule: 'require-statement-timeout', sql: 'ALTER TABLE t ADD COLUMN c int' },
  {
    rule: 'ban-alter-domain-with-add-constraint',
    before: 'CREATE DOMAIN d AS int; CREATE TABLE t (a d); INSERT INTO t VALUES (1)',
    sql: 'ALTER DOMAIN d ADD CHECK (VALUE > 0)',
  },
  {
    rule: 'require-enum-value-ordering',
    before: "CREATE TYPE e AS ENUM ('a', 'c')",
    sql: "ALTER TYPE e ADD VALUE 'it''s'",
  },
  { rule: 'identifier-too-long', sql: `ALTER TABLE t ADD COLUMN ${'long_'.repeat(15)} int` },
  { rule: 'prefer-robust-stmts', sql: 'ALTER TABLE t ADD COLUMN c int' },
  { rule: 'prefer-robust-stmts', sql: 'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)' },
  { rule: 'ban-drop-constraint', sql: 'ALTER TABLE t DROP CONSTRAINT t_pkey' },
  { rule: 'ban-drop-not-null', sql: 'ALTER TABLE t ALTER COLUMN b DROP NOT NULL' },
  {
    rule: 'ban-drop-default',
    before: 'CREATE TABLE t (a int DEFAULT 1)',
    sql: 'ALTER TABLE t ALTER a DROP DEFAULT',
  },
  {
    rule: 'ban-drop-generated-expression',
    before: 'CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a) STORED)',
    sql: 'ALTER TABLE t ALTER b DROP EXPRESSION',
  },
  { rule: 'ban-alter-identity', sql: 'ALTER TABLE t ALTER id ADD GENERATED ALWAYS AS IDENTITY' },
  {
    rule: 'ban-drop-extension',
    before: 'CREATE EXTENSION IF NOT EXISTS plpgsql',
    sql: 'DROP EXTENSION IF EXISTS no_such',
  },
  { rule: 'ban-truncate-cascade', sql: 'TRUNCATE t CASCADE' },
  {
    rule: 'lock-on-second-table',
    before: `${CREATE}; ${USERS}; ALTER TABLE t ADD COLUMN c int`,
    sql: 'BEGIN; ALTER TABLE t ADD COLUMN c int; ALTER TABLE u ADD COLUMN c int; COMMIT',
    ends: {
      query: columnTypes('u'),
      rows: [
        ['c', 'integer'],
        ['id', 'integer'],
      ],
    },
  },
  {
    rule: 'session-setting-leaks',
    sql: 'SET search_path = public, pg_catalog',
  },
  { rule: 'session-setting-leaks', sql: "SELECT pg_catalog.set_config('search_path', '', false)" },
  {
    rule: 'replacing-hot-view',
    before: `${CREATE}; CREATE VIEW v AS SELECT id FROM t`,
    sql: 'CREATE OR REPLACE VIEW v AS SELECT id, a FROM t',
  },
  { rule: 'policy-on-hot-table', sql: 'CREATE POLICY p ON t USING (a > 0)' },
  { rule: 'policy-on-hot-table', sql: 'ALTER TABLE t ENABLE ROW LEVEL SECURITY' },
  {
    rule: 'trigger-on-hot-table',
    before: `${CREATE}; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
    sql: 'CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()',
  },
];

/** @type {Trial[]} */
const INSTEAD = [
  {
    rule: 'enum-value-before-commit',
    before: "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (v e)",
    sql: "BEGIN; ALTER TYPE e ADD VALUE 'b'; INSERT INTO t VALUES ('b'); COMMIT",
    first: "BEGIN; ALTER TYPE e ADD VALUE 'b'",
    ends: { query: 'SELECT v::text FROM t', rows: [['b']] },
  },
  {
    rule: 'ban-concurrent-index-creation-in-transaction',
    sql: 'BEGIN; SELECT 1; CREATE INDEX CONCURRENTLY i ON t (a); COMMIT',
    ends: { query: "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass", rows: [[true]] },
  },
  {
    rule: 'ban-uncommitted-transaction',
    sql: 'BEGIN; CREATE TABLE new (a int)',
    first: 'BEGIN; CREATE TABLE new (a int)',
    ends: { query: "SELECT to_regclass('new')::text", rows: [['new']] },
  },
  {
    rule: 'transaction-nesting',
    sql: 'BEGIN; BEGIN; COMMIT',
    ends: { query: 'SELECT count(*)::int FROM t', rows: [[2]] },
  },
  {
    rule: 'ban-create-domain-with-constraint',
    sql: 'CREATE DOMAIN d AS int CHECK (VALUE > 0) NOT NULL',
    ends: { query: "SELECT count(*)::int FROM pg_constraint WHERE contypid = 'd'::regtype", rows: [[0]] },
  },
  {
    rule: 'ban-drop-column',
    sql: 'ALTER TABLE t DROP COLUMN b, ADD COLUMN c int',
    ends: {
      query:
        "SELECT attname::text, attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attname IN ('b', 'c') ORDER BY 1",
      rows: [
        ['b', false],
        ['c', false],
      ],
    },
  },
  ...[
    [
      'table',
      'CREATE TABLE gone (a int)',
      'TABLE IF EXISTS gone',
      'SELECT to_regclass($$gone_dropped$$) IS NOT NULL',
    ],
    [
      'view',
      'CREATE VIEW gone AS SELECT 1 AS a',
      'VIEW gone',
      'SELECT to_regclass($$gone_dropped$$) IS NOT NULL',
    ],
    [
      'sequence',
      'CREATE SEQUENCE gone',
      'SEQUENCE public.gone',
      'SELECT to_regclass($$gone_dropped$$) IS NOT NULL',
    ],
    [
      'schema',
      'CREATE SCHEMA gone',
      'SCHEMA gone CASCADE',
      'SELECT to_regnamespace($$gone_dropped$$) IS NOT NULL',
    ],
    [
      'type',
      "CREATE TYPE gone AS ENUM ('a')",
      'TYPE gone',
      'SELECT to_regtype($$gone_dropped$$) IS NOT NULL',
    ],
    ['domain', 'CREATE DOMAIN gone AS int', 'DOMAIN gone', 'SELECT to_regtype($$gone_dropped$$) IS NOT NULL'],
    [
      'function',
      "CREATE FUNCTION gone(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
      'FUNCTION gone(int)',
      'SELECT to_regprocedure($$gone_dropped(int)$$) IS NOT NULL',
    ],
  ].map(([rule, before, what, query]) => ({
    rule: `ban-drop-${rule}`,
    before,
    sql: `DROP ${what}`,
    ends: { query, rows: [[true]] },
  })),
  {
    rule: 'ban-drop-database',
    before: 'CREATE DATABASE lint_gone',
    sql: 'DROP DATABASE lint_gone',
    ends: { query: "SELECT datallowconn FROM pg_database WHERE datname = 'lint_gone'", rows: [[false]] },
  },
  {
    rule: 'renaming-table',
    sql: 'ALTER TABLE t RENAME TO "New"',
    ends: {
      query: 'SELECT (SELECT count(*) FROM t)::int, (SELECT count(*) FROM "New")::int',
      rows: [[2, 2]],
    },
  },
  {
    rule: 'renaming-column',
    sql: 'ALTER TABLE public.t RENAME COLUMN a TO "new"',
    ends: { query: 'SELECT a, "new" FROM t WHERE id = 2', rows: [[2, 2]] },
  },
  {
    rule: 'renaming-object',
    before: `${CREATE}; CREATE VIEW v AS SELECT a FROM t`,
    sql: 'ALTER VIEW v RENAME TO w',
    ends: { query: 'SELECT (SELECT count(*) FROM v)::int, (SELECT count(*) FROM w)::int', rows: [[2, 2]] },
  },
  {
    rule: 'ban-set-schema',
    before: `${CREATE}; CREATE SCHEMA s`,
    sql: 'ALTER TABLE t SET SCHEMA s',
    ends: {
      query: 'SELECT (SELECT count(*) FROM public.t)::int, (SELECT count(*) FROM s.t)::int',
      rows: [[2, 2]],
    },
  },
  ...[
    ['prefer-bigint-over-int', 'int', 'bigint'],
    ['prefer-bigint-over-smallint', 'smallint', 'bigint'],
    ['prefer-identity', 'bigserial', 'bigint'],
    ['prefer-text-field', 'varchar(20)', 'text'],
    ['prefer-timestamp-tz', 'timestamp', 'timestamp with time zone'],
    ['ban-char-field', 'char(3)', 'character varying(3)'],
  ].map(([rule, from, to]) => ({
    rule,
    sql: `CREATE TABLE typed (c ${from})`,
    ends: { query: columnTypes('typed'), rows: [['c', to]] },
  })),
  {
    rule: 'ban-duplicate-column-assignments',
    sql: 'CREATE TABLE twice (a int, b int, a text)',
    ends: {
      query: columnTypes('twice'),
      rows: [
        ['a', 'integer'],
        ['b', 'integer'],
      ],
    },
  },
  {
    rule: 'ban-duplicate-column-assignments',
    sql: 'UPDATE t SET a = 1, a = 5',
    ends: { query: 'SELECT a FROM t', rows: [[5], [5]] },
  },
  {
    rule: 'unused-ignore',
    sql: '-- pgfleet-ignore no-such-rule\nSELECT 1',
    ends: { query: 'SELECT count(*)::int FROM t', rows: [[2]] },
  },
];

const FUNCTION = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'";
const TRIGGER = `${FUNCTION}; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`;

/** The rules that are on by option. */
/** @type {Trial[]} */
const OPTIONAL = [
  { rule: 'ban-drop-index', before: `${CREATE}; CREATE INDEX i ON t (a)`, sql: 'DROP INDEX i' },
  { rule: 'ban-set-default', sql: 'ALTER TABLE t ALTER a SET DEFAULT 1' },
  { rule: 'ban-disable-trigger', before: `${CREATE}; ${TRIGGER}`, sql: 'ALTER TABLE t DISABLE TRIGGER g' },
  { rule: 'ban-replica-identity', sql: 'ALTER TABLE t REPLICA IDENTITY FULL' },
  { rule: 'ban-drop-policy', before: `${CREATE}; CREATE POLICY p ON t`, sql: 'DROP POLICY p ON t' },
  { rule: 'ban-revoke', sql: 'REVOKE ALL ON t FROM PUBLIC' },
  {
    rule: 'ban-replace-view-function',
    before: `${CREATE}; ${FUNCTION}`,
    sql: "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
  },
  {
    rule: 'ban-alter-policy-condition',
    before: `${CREATE}; CREATE POLICY p ON t USING (false)`,
    sql: 'ALTER POLICY p ON t USING (a > 1)',
  },
  {
    rule: 'ban-alter-policy-roles',
    before: `${CREATE}; CREATE POLICY p ON t`,
    sql: 'ALTER POLICY p ON t TO PUBLIC',
  },
  { rule: 'ban-create-policy', sql: 'CREATE POLICY p ON t USING (true)' },
  { rule: 'ban-alter-function-options', before: `${CREATE}; ${FUNCTION}`, sql: 'ALTER FUNCTION f() STABLE' },
  {
    rule: 'ban-alter-view-options',
    before: `${CREATE}; CREATE VIEW v AS SELECT a FROM t`,
    sql: 'ALTER VIEW v SET (security_barrier)',
  },
  { rule: 'ban-alter-role-options', sql: 'ALTER ROLE CURRENT_USER RESET a.b' },
  { rule: 'ban-alter-database-options', sql: 'ALTER DATABASE postgres RESET a.b' },
  { rule: 'ban-alter-row-level-security', sql: 'ALTER TABLE t ENABLE ROW LEVEL SECURITY' },
  { rule: 'ban-new-write-restriction', sql: 'ALTER TABLE t ADD CHECK (a > 0)' },
  { rule: 'ban-add-enum-value', before: "CREATE TYPE e AS ENUM ('a')", sql: "ALTER TYPE e ADD VALUE 'b'" },
  {
    rule: 'ban-add-composite-attribute',
    before: 'CREATE TYPE c AS (a int)',
    sql: 'ALTER TYPE c ADD ATTRIBUTE b int',
  },
  { rule: 'ban-add-column', sql: 'ALTER TABLE t ADD c int' },
  {
    rule: 'ban-detach-inheritance',
    before: 'CREATE TABLE p (a int); CREATE TABLE t () INHERITS (p)',
    sql: 'ALTER TABLE t NO INHERIT p',
  },
  { rule: 'ban-alter-sequence-values', before: 'CREATE SEQUENCE s', sql: 'ALTER SEQUENCE s INCREMENT 5' },
  { rule: 'require-table-schema', sql: 'ALTER TABLE t ADD c int' },
  {
    rule: 'ban-drop-trigger',
    before: `${CREATE}; ${TRIGGER}`,
    sql: 'DROP TRIGGER g ON t',
    ends: { query: "SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'g'", rows: [['D']] },
  },
].map((trial) => ({ ...trial, options: { rules: [trial.rule] } }));

/**
 * Rules without a trial: for servers that aren't here, for what changes the whole server, and what stands for others.
 */
const UNTRIED = [
  'prefer-repack',
  'require-timeout-settings',
  'ban-alter-generated-expression',
  'ban-alter-system-options',
  'ban-alter-extension',
];

module.exports = { CREATE, SAME, INSTEAD, OPTIONAL, UNTRIED };
