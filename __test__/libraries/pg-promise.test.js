'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { onBothDrivers, runProgram } = require('../support/library');

onBothDrivers(({ label }) => {
  test('pg-promise formats, prepares, batches, streams, pages, listens and rolls back', async () => {
    assert.deepEqual(await runProgram('pg-promise', label), {
      driver: label,
      inserted: [
        { id: 1, name: "O'Brien", data: { a: [1] }, tags: ['x', 'y'] },
        { id: 2, name: 'back\\slash', data: null, tags: [] },
      ],
      one: ['id'],
      oneOrNone: null,
      result: 0,
      multi: [[{ a: 1 }], [{ b: 2, c: 3 }]],
      map: [2, 4, 6],
      prepared: [{ name: "O'Brien" }, { name: 'back\\slash' }],
      parameterized: { n: 42 },
      task: true,
      failedTransaction: { code: '23505', isQueryResultError: false },
      savepoint: { code: '22012', isQueryResultError: false },
      mode: '25006',
      batch: [1, 2, 3],
      sequence: [{ n: 0 }, { n: 1 }, { n: 2 }],
      updated: 1,
      names: ["O'Brien", 'back\\slash', 'kept'],
      tooMany: { code: 2, isQueryResultError: true },
      stream: { processed: 2000, streamed: 2001000 },
      pages: [
        [1, 2, 3],
        [4, 5],
      ],
      notification: 'hello',
      balanced: true,
      errors: 4,
    });
  });
});
