'use strict';

// The spans of a program, with pgfleet in the place of pg and without. In full for what pg traces; what runs at the
// same time has no order.

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { runProgram } = require('../support/library');

describe("OpenTelemetry's instrumentation of pg", () => {
  const outcomes = {};

  before(async () => {
    for (const label of ['pg', 'pgfleet']) outcomes[label] = await runProgram('opentelemetry', label);
  });

  /** Addresses of the two runs differ in the name of the database alone. */
  const comparable = ({ spans }) =>
    spans.map((span) => JSON.stringify(span).replace(/test_[0-9a-f]+/g, 'database')).sort();

  test('is run with pg, and with pgfleet in its place', () => {
    assert.deepEqual([outcomes.pg.driver, outcomes.pgfleet.driver], ['pg', 'pgfleet']);
  });

  test('sees each connect, each query and each checkout', () => {
    const names = outcomes.pg.spans.map(({ name }) => name.split(':')[0]);
    const counts = ['pg.connect', 'pg.query', 'pg-pool.connect'].map(
      (kind) => names.filter((name) => name === kind).length,
    );
    assert.deepEqual(counts, [8, 18, 12]);
  });

  test('sees the same on pgfleet as on pg: names, parents, attributes, failures', () => {
    assert.deepEqual(comparable(outcomes.pgfleet), comparable(outcomes.pg));
  });

  test('adds its comment to the text of a query', () => {
    assert.deepEqual(outcomes.pg.answers, { 'commented queries': [true, true] });
    assert.deepEqual(outcomes.pgfleet.answers, outcomes.pg.answers);
  });
});
