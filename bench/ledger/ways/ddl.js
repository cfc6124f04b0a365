'use strict';

const { GATE, bodyOf, tableOf } = require('../schema.js');
const { Untrue, mustBe } = require('../untrue.js');
const { stateOfScript } = require('../verdict.js');
const { refused } = require('./client.js');

const row = (key, part) =>
  `INSERT INTO entries (key, part, body) VALUES ('${key}', ${part}, '${bodyOf(key, part)}')`;

/** A script whose first words say whose it is, and which has to pass the gate between its halves. */
const script = (key, end = row(key, 2)) => `/* script of ${key} */
  CREATE TABLE ${tableOf(key)} (n int);
  ${row(key, 1)};
  SELECT pg_advisory_xact_lock_shared(${GATE});
  ${end}`;

/** Asks the manager for a script on the site's own database, whatever other hands do at the same time. */
function execute(site, sql, ...args) {
  const switched = site.manager.switchConnection(site.database);
  const running = site.manager.executeDDL(sql, ...args);
  return Promise.all([running, switched]).then(
    ([result]) => result,
    (error) => {
      throw Object.assign(error, { state: stateOfScript(error) });
    },
  );
}

const WHOLE = { parts: 2, table: true };
const plain = (name, weight, about, args) => ({
  name,
  weight,
  needs: 'manager',
  run: (site) =>
    site.entry(name, { ...WHOLE, ...about }, async (key) => {
      const results = await execute(site, script(key), ...args(site));
      const commands = results.map(({ command }) => command).join();
      mustBe(commands === 'CREATE,INSERT,SELECT,INSERT', `acknowledged as ${commands}`);
    }),
});

// Only crews with a manager can do these, and others do the rest.
module.exports = {
  ways: [
    plain('executeDDL', 30, {}, () => []),
    plain('executeDDL, pipelined', 10, { pipelined: true }, () => [true, { commit: 'pipelined' }]),
    // Without a transaction the text is one all the same, on the wire, so that no COMMIT is needed.
    plain('executeDDL without a transaction', 10, { pipelined: true }, () => [false]),
    plain('executeDDL with a signal', 20, {}, (site) => [
      true,
      { signal: AbortSignal.timeout(site.random.between(0, 40)) },
    ]),
    {
      name: 'executeDDL that fails',
      weight: 10,
      needs: 'manager',
      run: (site) =>
        site.entry('executeDDL that fails', { ...WHOLE, hopeless: true }, async (key) => {
          await execute(site, script(key, 'SELECT 1 / 0')).catch((error) => {
            throw error instanceof Untrue ? error : refused(error);
          });
          mustBe(false, 'a division by zero was acknowledged');
        }),
    },
  ],
};
