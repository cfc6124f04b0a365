'use strict';

const { setTimeout: pause } = require('node:timers/promises');

const STOPPED_MILLIS = [50, 800];

/** @returns {Promise<number | undefined>} a backend that serves a crew */
async function anyBackend({ observe, random }) {
  const sql = `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'ledger%' ORDER BY pid`;
  const { rows } = await observe((client) => client.query(sql));
  return rows.length === 0 ? undefined : random.pick(rows).pid;
}

const byFunction = (name, weight, sql) => ({
  name,
  weight,
  async run(scene) {
    const pid = await anyBackend(scene);
    if (pid !== undefined) await scene.observe((client) => client.query(sql, [pid]));
  },
});

module.exports = [
  byFunction('a backend is terminated', 10, 'SELECT pg_terminate_backend($1)'),
  byFunction('a query is cancelled', 14, 'SELECT pg_cancel_backend($1)'),
  {
    name: 'a backend stands still for a while',
    weight: 4,
    async run(scene) {
      const pid = await anyBackend(scene);
      if (pid === undefined || !signal(pid, 'SIGSTOP')) return;
      await pause(scene.random.between(...STOPPED_MILLIS));
      signal(pid, 'SIGCONT');
    },
  },
  {
    name: 'a backend crashes, and the server recovers',
    weight: 1,
    async run(scene) {
      const pid = await anyBackend(scene);
      if (pid !== undefined) signal(pid, 'SIGKILL');
    },
  },
];

/** @returns {boolean} whether it was still there */
function signal(pid, name) {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
    return false;
  }
}
