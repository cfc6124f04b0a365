'use strict';

const { before, after, describe, test } = require('node:test');
const extensions = require('./corpus/extensions');
const { stage } = require('./stage');

describe('values of extension types are the same as with pg', () => {
  let duel;
  let available;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
    const { rows } = await duel.oracle.query('SELECT name FROM pg_available_extensions');
    available = new Set(rows.map(({ name }) => name));
  });

  for (const [extension, expressions] of Object.entries(extensions)) {
    test(extension, async (context) => {
      if (!available.has(extension)) return context.skip('this server comes without the extension');
      await duel.oracle.query(`CREATE EXTENSION IF NOT EXISTS ${extension}`);
      await duel.agree(expressions, (client, expression) => client.query(`SELECT (${expression}) AS value`));
      await duel.agree(expressions, (client, expression) =>
        client.query({ text: `SELECT (${expression}), $1::text`, values: ['x'], rowMode: 'array' }),
      );
    });
  }
});
