'use strict';

// One database, broken in three ways: what `diagnose` says of each, and of the database as it is.
//
//   PGFLEET_HOST=… PGFLEET_PORT=… PGFLEET_USER=… PGFLEET_PASSWORD=… node examples/broken-database.js
//
// settings.js beside this file lists every variable.

const DatabaseManager = require('../services/DatabaseManager');
const { connectionSettings } = require('./settings.js');

/** What is changed of the configuration of a database that works. */
const FAULTS = {
  'as it is': {},
  'a port where nothing listens': { dbPort: 1 },
  'the password of a template': { dbPassword: '[YOUR-PASSWORD]' },
  "a database that isn't there": { dbName: 'no_such_database' },
};

async function diagnoseFaults(DatabaseManager, tell = console.log) {
  const databases = Object.entries(FAULTS).map(([name, fault]) => [
    name,
    { ...connectionSettings(), ...fault },
  ]);
  // Configurations are kept as they are; nothing connects before the diagnosis.
  const manager = await DatabaseManager.fromConfig({ databases: Object.fromEntries(databases) });
  for (const { database, ok, cause, message, remedy, checks, authAttempts } of await manager.diagnose()) {
    tell(`${ok ? '✓' : '✗'} ${database}: ${cause}`);
    tell(`    ${[message, remedy].filter(Boolean).join(' ')}`);
    tell(
      `    ${checks.map(({ name, state }) => `${name} ${state}`).join(', ')}; passwords sent: ${authAttempts}`,
    );
  }
  return manager;
}

if (require.main === module) {
  diagnoseFaults(DatabaseManager).catch((error) => {
    console.error(`❌ The example failed: ${error.message}`);
    process.exitCode = 1;
  });
}

module.exports = { diagnoseFaults };
