'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const oracle = require('pg');
const { isError, outcomeOf } = require('./portrait');

// With PGFLEET_CONTENDER=pg the oracle is compared with itself: that shows that the specs are repeatable
// (no clock, no random value, no order left to chance) before they judge anything else.
const contender = process.env.PGFLEET_CONTENDER === 'pg' ? oracle : require(path.resolve(__dirname, '../..'));

/** Two connected clients with the same settings, one of the oracle and one of the contender. */
class Duel {
  constructor(config) {
    this.config = config;
    this.oracle = new oracle.Client(config);
    this.contender = new contender.Client(config);
  }

  static async open(config) {
    const duel = new Duel(config);
    await Promise.all([duel.oracle.connect(), duel.contender.connect()]);
    return duel;
  }

  async close() {
    await Promise.all([this.oracle.end(), this.contender.end()]);
  }

  /** Runs a query for its effect on both sessions: SET, CREATE TEMP TABLE ... */
  async prepare(sql) {
    await this.oracle.query(sql);
    await this.contender.query(sql);
  }

  /**
   * @param {(client: import('pg').Client) => Promise<unknown>} ask
   * @returns {Promise<{ expected: string, got: string }>}
   */
  async compare(ask) {
    const [expected, got] = await Promise.all([
      outcomeOf(() => ask(this.oracle)),
      outcomeOf(() => ask(this.contender)),
    ]);
    return { expected, got };
  }

  /** Asks every question on both sides and fails with the list of all that were answered differently. */
  async agree(questions, ask) {
    const differences = [];
    let answers = 0;
    for (const question of questions) {
      const { expected, got } = await this.compare((client) => ask(client, question));
      if (!isError(expected)) answers += 1;
      if (expected !== got) differences.push({ question, ...around(expected, got) });
    }
    assert.deepEqual(differences, []);
    assert.ok(answers > 0, 'the oracle answered none of the questions');
  }
}

// A result of thousands of rows is only readable near the first place where the two part ways.
const around = (expected, got) => {
  let index = 0;
  while (expected[index] === got[index]) index += 1;
  const from = Math.max(0, index - 60);
  return { expected: expected.slice(from, index + 200), got: got.slice(from, index + 200) };
};

module.exports = { Duel, contender, oracle };
