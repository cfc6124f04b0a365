// Runs pgfleet in the surroundings that its users have, and writes the table that README shows.
//
//   node scripts/matrix.mjs [--readme] [--tarballs <folder>] [part of a row's name …]
//
// Each row is a small program that is really run, on the packed tarballs and against a PostgreSQL of its own. What a
// row needs (other Nodes, Bun, bundlers, …) comes from npm, and stays in the temporary directory for the next time.
// --readme puts the outcome into README.md, --tarballs takes tarballs that were packed before.

import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { Failure, report } from './failure.mjs';
import { startRegistry } from './matrix/registry.mjs';
import { Site } from './matrix/site.mjs';
import { writeTable } from './matrix/table.mjs';
import { packTarballs } from './matrix/tarballs.mjs';
import * as bundlers from './matrix/rows/bundlers.mjs';
import * as installers from './matrix/rows/installers.mjs';
import * as runners from './matrix/rows/runners.mjs';
import * as runtimes from './matrix/rows/runtimes.mjs';
import * as tracers from './matrix/rows/tracers.mjs';

/**
 * One line of the table.
 *
 * @typedef {object} Row
 * @property {string} name what it is, in a user's words: `Node 22`
 * @property {(site: Site) => Promise<string>} run does it; returns what it was run with, such as `22.21.1`; throws
 *   when it doesn't work
 */

/** @type {{ title: string, rows: Row[] }[]} */
const KINDS = [runtimes, installers, bundlers, tracers, runners];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { readme: { type: 'boolean' }, tarballs: { type: 'string' } },
});

try {
  await main();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  report(error);
}

async function main() {
  const kinds = chosen();
  if (values.readme && positionals.length > 0)
    throw new Failure('README.md shows all rows: leave out which ones');
  if (kinds.length === 0) throw new Failure(`no row has ${positionals.join(' or ')} in its name`);
  const { startEmbedded } = createRequire(import.meta.url)('./support/embedded.js');
  const tarballs = packTarballs(values.tarballs);
  const registry = await startRegistry(tarballs);
  const server = await startEmbedded();
  const site = new Site({ tarballs, registry: registry.url, database: server.url() });
  try {
    const outcomes = [];
    for (const { title, rows } of kinds) outcomes.push({ title, rows: await outcomesOf(rows, site) });
    if (values.readme) writeTable(outcomes, { node: process.versions.node, postgres: server.version });
    const failed = outcomes.flatMap(({ rows }) => rows).filter(({ failure }) => failure !== undefined);
    if (failed.length > 0) throw new Failure(`failed: ${failed.map(({ name }) => name).join(', ')}`);
  } finally {
    await Promise.all([server.stop(), registry.stop()]);
    site.clear();
  }
}

function chosen() {
  const wanted = ({ name }) =>
    positionals.length === 0 || positionals.some((part) => name.toLowerCase().includes(part.toLowerCase()));
  return KINDS.map(({ title, rows }) => ({ title, rows: rows.filter(wanted) })).filter(
    ({ rows }) => rows.length > 0,
  );
}

/** One after the other: a row's programs have the machine for themselves. */
async function outcomesOf(rows, site) {
  const outcomes = [];
  for (const { name, run } of rows) {
    try {
      const version = await run(site);
      outcomes.push({ name, version });
      console.log(`✓ ${name} (${version})`);
    } catch (error) {
      outcomes.push({ name, failure: error.message });
      console.log(`✗ ${name}\n${error.message.replace(/^/gm, '    ')}`);
    }
  }
  return outcomes;
}
