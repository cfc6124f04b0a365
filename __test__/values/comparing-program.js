'use strict';

// Compares families of the corpus in a process of its own, for what only a process can set (TZ, Node's
// options). argv: JSON of { config, families, settings, parameters }; stdout: JSON of { compared, differences }.

const corpus = require('./corpus');
const groups = require('./corpus/parameters');
const spread = require('./corpus/spread');
const { Duel } = require('./duel');

const ways = [
  (client, expression) => client.query(`SELECT (${expression}) AS value`),
  (client, expression) =>
    client.query({ text: `SELECT (${expression}) AS value, $1::text`, values: ['x'], rowMode: 'array' }),
  (client, expression) => client.query(`SELECT n, (${expression}) AS value FROM generate_series(1, 3) n`),
];

function questions(families, parameters) {
  const asked = [];
  for (const family of families) {
    for (const expression of corpus[family]) {
      for (const way of ways) asked.push({ name: expression, ask: (client) => way(client, expression) });
    }
  }
  for (const group of parameters) {
    for (const [name, make] of Object.entries(groups[group])) {
      asked.push({ name, ask: (client) => client.query('SELECT $1::text AS value', [make()]) });
    }
  }
  for (const [group, text] of spread) {
    if (families.includes(group))
      asked.push({ name: `spread ${group}`, ask: (client) => client.query(text) });
  }
  return asked;
}

async function main({ config, families, settings, parameters }) {
  const duel = await Duel.open(config);
  const differences = [];
  let compared = 0;
  for (const setting of settings) {
    await duel.prepare(setting);
    for (const { name, ask } of questions(families, parameters)) {
      compared += 1;
      const { expected, got } = await duel.compare(ask);
      if (expected !== got) differences.push({ setting, name, expected, got });
    }
  }
  await duel.close();
  process.stdout.write(JSON.stringify({ compared, differences }));
}

main(JSON.parse(process.argv.at(-1)));
