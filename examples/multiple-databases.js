'use strict';

// Several databases under one manager: connect to all, then create a table in one, then in another.
//
//   PGFLEET_HOST=… PGFLEET_PORT=… \
//   PGFLEET_APP1_USER=postgres.abc123 PGFLEET_APP1_PASSWORD=… \
//   PGFLEET_APP2_USER=postgres.def456 PGFLEET_APP2_PASSWORD=… \
//   PGFLEET_APP3_USER=postgres.ghi789 PGFLEET_APP3_PASSWORD=… node examples/multiple-databases.js
//
// settings.js beside this file lists every variable.

const DatabaseManager = require('../services/DatabaseManager');
const { connectionSettings } = require('./settings.js');

const NAMES = ['app1', 'app2', 'app3'];

async function manageSeveralDatabases(manager = new DatabaseManager()) {
  for (const name of NAMES) {
    await manager.addConnection(name, connectionSettings(name));
  }

  await manager.switchConnection('app2');
  await manager.executeDDL(
    'CREATE TABLE IF NOT EXISTS app2_invoices (id SERIAL PRIMARY KEY, total NUMERIC(12, 2))',
  );

  await manager.switchConnection('app1');
  await manager.executeDDL(
    'CREATE TABLE IF NOT EXISTS app1_articles (id SERIAL PRIMARY KEY, title TEXT NOT NULL)',
  );
  return manager;
}

if (require.main === module) {
  manageSeveralDatabases().then(
    (manager) => console.log(`Connected to ${[...manager.connections.keys()].join(', ')}.`),
    (error) => {
      console.error(`The tour failed: ${error.message}`);
      process.exitCode = 1;
    },
  );
}

module.exports = { manageSeveralDatabases, NAMES };
