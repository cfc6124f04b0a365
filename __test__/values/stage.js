'use strict';

const { postgres } = require('../support/server');
const { Duel } = require('./duel');
const schema = require('./corpus/schema');

/**
 * A duel in a fresh database which has the types of the corpus.
 *
 * @param {object} [settings] client options on top of the server's
 */
async function stage(settings = {}) {
  const server = await postgres();
  const config = server.config({ database: await server.createDatabase(), ...settings });
  const duel = await Duel.open(config);
  await duel.oracle.query(schema);
  return duel;
}

module.exports = { stage };
