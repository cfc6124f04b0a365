'use strict';

const { bodyOf, tableOf } = require('./schema.js');

/**
 * Compares what callers were told with what a database has.
 *
 * @param {Map<string, import('./journal.js').Account>} accounts those of this database
 * @param {{ rows: { key: string, part: number, body: string }[], tables: Set<string> }} found
 * @returns {{ what: string, key: string }[]} what doesn't agree
 */
function audit(accounts, { rows, tables }) {
  const problems = [];
  const found = new Map();
  for (const { key, part, body } of rows) {
    if (body !== bodyOf(key, part)) problems.push({ key, what: `part ${part} has another body` });
    const counts = found.get(key) ?? new Map();
    found.set(key, counts.set(part, (counts.get(part) ?? 0) + 1));
  }
  for (const key of found.keys())
    if (!accounts.has(key)) problems.push({ key, what: 'is there, and no crew wrote it' });
  for (const account of accounts.values()) {
    const what = disagreement(account, found.get(account.key) ?? new Map(), tables.has(tableOf(account.key)));
    if (what) problems.push({ key: account.key, what });
  }
  return problems;
}

/** @returns {string | undefined} */
function disagreement({ state, cut, parts, table = false, pipelined }, counts, hasTable) {
  const times = [...counts.values()];
  const present = `${counts.size} of ${parts} rows${table ? ` and ${hasTable ? 'its' : 'no'} table` : ''}`;
  const isWhole = counts.size === parts && hasTable === table;
  const isAbsent = counts.size === 0 && !hasTable;
  if (times.some((count) => count > 1)) return `doubled: a row is there ${Math.max(...times)} times`;
  if (!isWhole && !isAbsent) return `torn: ${state}, and there are ${present}`;
  if (state === 'acknowledged' && !isWhole) return `lost: acknowledged, and there are ${present}`;
  if (state === 'refused' && !isAbsent) return `untrue: refused, and there are ${present}`;
  if (cut && !pipelined && !isAbsent)
    return `applied without its caller: cut off in mid-script, and there are ${present}`;
}

module.exports = { audit };
