'use strict';

let columns = 0;

const change = (name, weight, statements) => ({
  name,
  weight,
  run: (scene) =>
    scene.observe(async (client) => {
      // Behind a lock that is held for long, all others wait for this one.
      await client.query("SET lock_timeout = '2s'");
      await client.query(statements((columns += 1)));
    }, scene.random.pick(scene.databases)),
});

module.exports = [
  change('a column comes', 5, (n) => `ALTER TABLE entries ADD COLUMN extra_${n % 5} int DEFAULT ${n}`),
  change('a column goes', 5, (n) => `ALTER TABLE entries DROP COLUMN IF EXISTS extra_${n % 5}`),
  change(
    'a column changes its type',
    3,
    (n) => `ALTER TABLE entries ALTER body TYPE ${n % 2 ? 'varchar' : 'text'}`,
  ),
  change(
    'a table is replaced',
    4,
    (n) => `BEGIN; ALTER TABLE volatile_entries RENAME TO old_entries_${n};
      CREATE TABLE volatile_entries (LIKE old_entries_${n} INCLUDING ALL); COMMIT`,
  ),
];
