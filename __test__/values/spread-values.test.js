'use strict';

const { before, after, describe, test } = require('node:test');
const spread = require('./corpus/spread');
const { stage } = require('./stage');

describe('values from all over the range of their type are the same as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });

  for (const [group, text] of spread) {
    test(`${group} by a simple query`, () => duel.agree([text], (client) => client.query(text)));
    test(`${group} by the extended protocol`, () =>
      duel.agree([text], (client) => client.query({ text, queryMode: 'extended' })));
    test(`${group} as arrays`, () =>
      duel.agree([text], (client) => client.query({ text, rowMode: 'array' })));
  }
});
