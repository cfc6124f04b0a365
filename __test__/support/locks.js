'use strict';

const { Client } = require('pg');
const { eventually } = require('./failure.js');

/**
 * A session of npm's `pg` that stands in the way.
 *
 * @param {{ server: any, database: string }} bench
 * @param {string} script what it runs, and leaves open
 * @param {string} [application]
 */
async function blocker({ server, database }, script, application = 'the one in the way') {
  const client = new Client(server.config({ database, application_name: application }));
  await client.connect();
  await client.query(script);
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
  return { client, pid: rows[0].pid, end: () => client.end() };
}

/**
 * Waits until a statement waits for a lock.
 *
 * @param {{ look: (sql: string, values?: any[]) => Promise<any[]> }} bench
 * @param {string} part of the statement's text
 */
function waits(bench, part) {
  const question = `SELECT 1 FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND position($1 in query) > 0 AND pid <> pg_backend_pid()`;
  return eventually(async () => (await bench.look(question, [part])).length > 0, `${part} waits for a lock`);
}

module.exports = { blocker, waits };
