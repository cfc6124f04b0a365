'use strict';

// Can this program reach the database, and may it run DDL there? Connects, creates a table, drops it.
//
//   PGFLEET_HOST=… PGFLEET_PORT=… PGFLEET_USER=… PGFLEET_PASSWORD=… node examples/test-connection.js
//
// settings.js beside this file lists every variable.

const DatabaseManager = require('../services/DatabaseManager');
const { connectionSettings } = require('./settings.js');

const CREATE_PROBE = `
  CREATE TABLE IF NOT EXISTS connection_test (
    id SERIAL PRIMARY KEY,
    test_time TIMESTAMPTZ DEFAULT NOW()
  );
`;

async function testConnection(manager = new DatabaseManager(), report = console.log) {
  const { version } = await manager.addConnection('test', connectionSettings());
  report(`✅ Connected to ${version}`);

  await manager.executeDDL(CREATE_PROBE);
  report('✅ DDL works');

  await manager.executeDDL('DROP TABLE IF EXISTS connection_test;');
  report('✅ Cleaned up');
  return manager;
}

if (require.main === module) {
  testConnection().catch((error) => {
    console.error(`❌ The test failed: ${error.message}`);
    process.exitCode = 1;
  });
}

module.exports = { testConnection };
