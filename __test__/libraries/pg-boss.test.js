'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { onBothDrivers, runProgram } = require('../support/library');

onBothDrivers(({ label }) => {
  test('pg-boss sends, fetches, completes, fails, works, retries, publishes, schedules and cancels jobs', async () => {
    assert.deepEqual(await runProgram('pg-boss', label), {
      driver: label,
      size: 4,
      fetched: [
        { to: 'ada', n: 1 },
        { to: 'bob', n: 2 },
        { to: 'eve "\\"', n: 3 },
      ],
      first: { state: 'completed', output: { done: true } },
      dead: { will: 'fail' },
      worked: { to: 'worker' },
      attempts: 3,
      published: { to: 'ada' },
      singles: [false, true],
      schedules: [['mail', '30 4 * * *', 'Europe/Berlin', { to: 'cron' }]],
      unscheduled: [],
      cancelled: 'cancelled',
    });
  });
});
