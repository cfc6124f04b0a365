'use strict';

const path = require('node:path');

const { checkOut, giveBack, isNative, runWith } = require('./ddl');
const { readDirection, readMigrationFiles } = require('./migration-files');
const { MigrationScript } = require('./migration-script');
const { appliedNames, ensureTable, underLock } = require('./migration-table');
const { importPeer } = require('./peer');
const { shown } = require('../pg/settings/option');

/**
 * @typedef {import('./ddl').PooledClient} PooledClient
 * @typedef {import('./migration-files').MigrationFile} MigrationFile
 * @typedef {'up' | 'down'} Direction
 */

/**
 * What was asked for.
 *
 * @typedef {{ directory: string, direction: Direction, count: number }} Run
 */

/**
 * A migration that was run, as node-pg-migrate tells it.
 *
 * @typedef {{ path: string, name: string, timestamp: number }} Completed
 */

/**
 * Runs the migrations in `migrations/` of the working directory as node-pg-migrate does: recorded in `pgmigrations`, in
 * order, all in one transaction.
 *
 * @param {import('./ddl').ForeignPool} pool
 * @param {unknown} direction
 * @param {unknown} count at most
 * @returns {Promise<Completed[]>}
 */
async function runMigrations(pool, direction, count) {
  if (direction !== 'up' && direction !== 'down') {
    throw new TypeError(`"direction" must be 'up' or 'down', got ${shown(direction)}`);
  }
  const limit = Math.abs(Number(count));
  if (Number.isNaN(limit)) throw new TypeError(`"count" must be a number, got ${shown(count)}`);
  /** @type {Run} */
  const run = { directory: path.join(process.cwd(), 'migrations'), direction, count: limit };
  const script = new MigrationScript(direction);
  /** @type {import('./ddl').Broken} */
  const broken = { failure: undefined };
  const client = await checkOut(pool, undefined);
  // What is under way fails with its connection; nothing else needs to be reported.
  client.on?.('error', ignore);
  try {
    return await underLock(client, broken, async () => {
      await ensureTable(client);
      const chosen = choose(await readMigrationFiles(run.directory), await appliedNames(client), run);
      if (!chosen.every(({ isSql }) => isSql)) return await runByPeer(client, run);
      for (const file of chosen) script.add(file.name, await readDirection(file, direction));
      if (chosen.length > 0) {
        const tellsSteps = isNative(client);
        await script.run((order) => runWith(client, order, broken), { tellsSteps });
      }
      return chosen.map(({ path: file, name, timestamp }) => ({ path: file, name, timestamp }));
    });
  } finally {
    client.removeListener?.('error', ignore);
    giveBack(pool, client, script, broken);
  }
}

/**
 * The migrations that are to be run, in that order.
 *
 * @param {MigrationFile[]} files
 * @param {string[]} applied
 * @param {Run} run
 * @throws {Error} when one that isn't applied stands before one that is, or the file of one is missing
 */
function choose(files, applied, { direction, count }) {
  files.slice(0, applied.length).forEach(({ name }, place) => {
    if (name === applied[place]) return;
    throw new Error(`Not run migration ${name} is preceding already run migration ${applied[place]}`);
  });
  if (direction === 'up') return files.filter(({ name }) => !applied.includes(name)).slice(0, count);
  const names = applied.toReversed().slice(0, count);
  const missing = names.filter((name) => !files.some((file) => file.name === name));
  if (missing.length > 0) {
    throw new Error(`Definitions of migrations ${missing.join(', ')} have been deleted.`);
  }
  return names.flatMap((name) => files.find((file) => file.name === name) ?? []);
}

/**
 * Has node-pg-migrate run them, which alone knows what its JavaScript files mean.
 *
 * @param {PooledClient} client that has the lock, which its own session may take once more
 * @param {Run} run
 * @returns {Promise<Completed[]>}
 */
async function runByPeer(client, { directory, direction, count }) {
  const { runner } = /** @type {typeof import('node-pg-migrate')} */ (
    await importPeer('node-pg-migrate', 'A migration that is no SQL file')
  );
  return await runner({
    dbClient: /** @type {never} */ (client),
    dir: directory,
    direction,
    count,
    migrationsTable: 'pgmigrations',
    singleTransaction: true,
    checkOrder: true,
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
}

function ignore() {
  return undefined;
}

module.exports = { runMigrations };
