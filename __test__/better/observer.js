'use strict';

// What the server is doing, seen from outside.

const { eventually } = require('../support/failure');

/** A query that runs until it is stopped. `marker` finds it again in pg_stat_activity. */
const endless = (marker) => `SELECT pg_sleep(600) /* ${marker} */`;

/** How many sessions run a query with that marker. */
async function running(server, marker) {
  const { rows } = await server.asSuperuser((client) =>
    client.query(
      `SELECT count(*)::int AS count FROM pg_stat_activity
       WHERE state = 'active' AND pid <> pg_backend_pid() AND position($1 IN query) > 0`,
      [marker],
    ),
  );
  return rows[0].count;
}

const untilRunning = (server, marker) =>
  eventually(async () => (await running(server, marker)) > 0, `a query with ${marker}`);

const untilStopped = (server, marker) =>
  eventually(async () => (await running(server, marker)) === 0, `the end of the query with ${marker}`);

module.exports = { endless, running, untilRunning, untilStopped };
