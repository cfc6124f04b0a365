'use strict';

// One database: connect, then create a table.
//
//   PGFLEET_HOST=… PGFLEET_PORT=… PGFLEET_USER=… PGFLEET_PASSWORD=… node examples/single-database.js
//
// settings.js beside this file lists every variable. SUPABASE_URL and SUPABASE_ANON_KEY are kept with the
// connection when they are set, for programs that also use the Supabase client.

const DatabaseManager = require('../services/DatabaseManager');
const { connectionSettings } = require('./settings.js');

const USERS_TABLE = `
  CREATE TABLE IF NOT EXISTS users (
    id SERIAL PRIMARY KEY,
    email TEXT UNIQUE NOT NULL,
    created_at TIMESTAMPTZ DEFAULT NOW()
  );
`;

async function setUpDatabase(manager = new DatabaseManager()) {
  await manager.addConnection('main', {
    supabaseUrl: process.env.SUPABASE_URL,
    supabaseKey: process.env.SUPABASE_ANON_KEY,
    ...connectionSettings(),
  });
  await manager.executeDDL(USERS_TABLE);
  return manager;
}

if (require.main === module) {
  setUpDatabase().then(
    () => console.log('The table "users" is there.'),
    (error) => {
      console.error(`Set-up failed: ${error.message}`);
      process.exitCode = 1;
    },
  );
}

module.exports = { setUpDatabase };
