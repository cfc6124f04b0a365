'use strict';

// What tracers do to see queries, with pgfleet in the place of pg and without.

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { runProgram } = require('../support/library');

describe('a tracer of pg', () => {
  const outcomes = {};

  before(async () => {
    for (const label of ['pg', 'pgfleet']) outcomes[label] = await runProgram('tracers', label);
  });

  test('is run with pg, and with pgfleet in its place', () => {
    assert.deepEqual([outcomes.pg.driver, outcomes.pgfleet.driver], ['pg', 'pgfleet']);
  });

  test('that wraps the methods of Client when its file is loaded sees each query, of pools too', () => {
    assert.equal(outcomes.pg.wrapped.length, 10);
    assert.deepEqual(outcomes.pgfleet.wrapped, outcomes.pg.wrapped);
  });

  test("that looks for the query in the client's queue is told how it ended", () => {
    assert.equal(outcomes.pg.finished.length, 10);
    assert.deepEqual(outcomes.pgfleet.finished, outcomes.pg.finished);
  });

  test('that changes the text of Client and of Pool as they are loaded sees each query and each checkout', () => {
    assert.equal(outcomes.pg.changed.length, 14);
    assert.deepEqual(outcomes.pgfleet.changed, outcomes.pg.changed);
  });
});
