'use strict';

const { fromNative } = require('../errors');
const { native } = require('../native/binding');
const { shown } = require('../pg/settings/option');

/** For each statement, in step with src/node/analysis.rs. */
const NUMBERS = 8;

const OLDEST_SERVER = 10;
const DEFAULT_SERVER = 17;

/**
 * @typedef {import('../../index').Statement} Statement
 * @typedef {import('../../index').Finding} Finding
 * @typedef {import('../../index').AnalysisOptions} AnalysisOptions
 */

/**
 * What the statements of a script are and do.
 *
 * @param {string} sql
 * @param {AnalysisOptions} [options]
 * @returns {Statement[]}
 * @throws {TypeError} for arguments of another kind
 * @throws {SyntaxError} with code `PGFLEET_PSQL` for a command of psql's
 * @throws {RangeError} with code `PGFLEET_TOO_DEEP` for a statement that is nested too deep
 */
function analyzeSql(sql, options) {
  return toStatements(sql, analyzed('analyzeSql', sql, options));
}

/**
 * The statements as objects, of what crosses for all together: see src/node/analysis.rs.
 *
 * @param {string} sql
 * @param {import('../native/addon').AnalyzedStatements} told
 * @returns {Statement[]}
 */
function toStatements(sql, { numbers, kinds, locks, findings }) {
  const statements = new Array(numbers.length / NUMBERS);
  let lock = 0;
  let finding = 0;
  for (let i = 0, at = 0; at < numbers.length; i++, at += NUMBERS) {
    const start = numbers[at];
    const end = numbers[at + 1];
    const kind = kinds[numbers[at + 4]];
    const nextLock = lock + numbers[at + 6];
    const nextFinding = finding + numbers[at + 7];
    statements[i] = {
      text: sql.slice(start, end),
      start,
      end,
      line: numbers[at + 2],
      column: numbers[at + 3],
      kind: kind.kind,
      class: kind.class,
      transactional: numbers[at + 5] === 1,
      locks: locks.slice(lock, nextLock),
      findings: findings.slice(finding, nextFinding),
    };
    lock = nextLock;
    finding = nextFinding;
  }
  return statements;
}

/**
 * What the rules find in a script: the findings of all its statements, in their order.
 *
 * @param {string} sql
 * @param {AnalysisOptions} [options]
 * @returns {Finding[]}
 * @throws as {@link analyzeSql} does
 */
function lint(sql, options) {
  return analyzed('lint', sql, options).findings;
}

/**
 * @param {string} name of the function that was called
 * @param {string} sql
 * @param {AnalysisOptions} [options]
 * @returns {import('../native/addon').AnalyzedStatements}
 */
function analyzed(name, sql, options) {
  const { serverVersion, inTransaction, rules } = checked(name, sql, options);
  const { statements, refusal } = native.analyzeScript(sql, serverVersion, inTransaction, rules);
  if (!statements) throw fromNative({ kind: 'refused', ...refusal });
  return statements;
}

/**
 * @param {string} name of the function that was called
 * @param {unknown} sql
 * @param {unknown} options
 * @returns {{ serverVersion: number, inTransaction: boolean, rules: string[] }}
 */
function checked(name, sql, options) {
  if (typeof sql !== 'string') throw new TypeError(`SQL must be a string, got ${shown(sql)}`);
  if (options !== undefined && (options === null || typeof options !== 'object' || Array.isArray(options))) {
    throw new TypeError(`The options of ${name} must be an object, got ${shown(options)}`);
  }
  const given = /** @type {{ serverVersion?: number, inTransaction?: unknown, rules?: unknown }} */ (
    options ?? {}
  );
  const { serverVersion = DEFAULT_SERVER, inTransaction = false, rules = [] } = given;
  if (!Number.isInteger(serverVersion) || serverVersion < OLDEST_SERVER || serverVersion > 0xffff) {
    throw new TypeError(
      `"serverVersion" must be a major version, a whole number from ${OLDEST_SERVER}, got ${shown(serverVersion)}`,
    );
  }
  if (typeof inTransaction !== 'boolean') {
    throw new TypeError(`"inTransaction" must be true or false, got ${shown(inTransaction)}`);
  }
  if (!isListOfTexts(rules)) {
    throw new TypeError(`"rules" must be a list of names of rules, got ${shown(rules)}`);
  }
  const unknown = rules.length > 0 ? native.unknownRule(rules) : null;
  if (unknown !== null) throw new TypeError(`"rules" names ${shown(unknown)}, which is no rule`);
  return { serverVersion, inTransaction, rules };
}

/**
 * @param {unknown} value
 * @returns {value is string[]}
 */
function isListOfTexts(value) {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

module.exports = { analyzeSql, lint };
