'use strict';

// Databases from a configuration file, each connected to when it is first asked.
//
//   PGFLEET_HOST=… PGFLEET_USER=… PGFLEET_PASSWORD=… node examples/from-config.js

const path = require('node:path');

const DatabaseManager = require('../services/DatabaseManager');

const FILE = path.join(__dirname, 'pgfleet.config.js');

async function askEach(manager, tell = console.log) {
  for (const [name, { pool, tags }] of manager.connections) {
    const { rows } = await pool.query('SELECT current_database() AS database');
    tell(`${name} (${tags.join(', ')}) is the database ${rows[0].database}`);
  }
}

if (require.main === module) {
  DatabaseManager.fromConfig(FILE)
    .then((manager) => askEach(manager))
    .catch((error) => {
      console.error(`The databases can't be asked: ${error.message}`);
      process.exitCode = 1;
    });
}

module.exports = { FILE, askEach };
