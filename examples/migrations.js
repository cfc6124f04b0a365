'use strict';

// Migrations by hand: each one's DDL, then its row in the table `migrations`. Running it again is harmless:
// a version which is there already is refused by the primary key, and that refusal is passed over.
//
//   PGFLEET_HOST=… PGFLEET_PORT=… PGFLEET_USER=… PGFLEET_PASSWORD=… node examples/migrations.js
//
// settings.js beside this file lists every variable.

const DatabaseManager = require('../services/DatabaseManager');
const { connectionSettings } = require('./settings.js');

const MIGRATIONS = [
  {
    version: '001',
    sql: `
      CREATE TABLE IF NOT EXISTS migrations (
        version VARCHAR(10) PRIMARY KEY,
        applied_at TIMESTAMPTZ DEFAULT NOW()
      );
    `,
  },
  {
    version: '002',
    sql: `
      CREATE TABLE IF NOT EXISTS projects (
        id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
        name TEXT NOT NULL,
        database_url TEXT,
        created_at TIMESTAMPTZ DEFAULT NOW()
      );
    `,
  },
];

async function runMigrations(manager, report = console.log) {
  for (const { version, sql } of MIGRATIONS) {
    try {
      await manager.executeDDL(sql);
      await manager.executeDDL(`INSERT INTO migrations (version) VALUES ('${version}')`);
      report(`Applied migration ${version}`);
    } catch (error) {
      if (!error.message.includes('duplicate key')) throw error;
      report(`Migration ${version} was applied before`);
    }
  }
}

async function main() {
  const manager = new DatabaseManager();
  await manager.addConnection('main', connectionSettings());
  await runMigrations(manager);
}

if (require.main === module) {
  main().catch((error) => {
    console.error(`Migrations failed: ${error.message}`);
    process.exitCode = 1;
  });
}

module.exports = { runMigrations, MIGRATIONS };
