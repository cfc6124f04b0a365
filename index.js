'use strict';

const DatabaseManager = require('./lib/manager/database-manager');
const pg = require('./lib/pg');
const { analyzeSql, lint } = require('./lib/sql/analysis');
const streams = require('./lib/streams');

// The class itself, with everything of node-postgres on it.
module.exports = Object.assign(DatabaseManager, pg, streams, {
  DatabaseManager,
  default: DatabaseManager,
  analyzeSql,
  lint,
});

Object.defineProperty(DatabaseManager, 'native', {
  configurable: true,
  enumerable: false,
  value: /** @type {any} */ (pg).native,
});
