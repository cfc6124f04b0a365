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

// Node reads a CommonJS module's names from its text, also for an ES module that imports them from a program's own
// `module.exports = require('pgfleet')`. The list is never run.
// prettier-ignore
// @ts-expect-error these are the names that the class has, not declarations
0 && (module.exports = { Client, Connection, Cursor, DatabaseError, DatabaseManager, Pool, Query, QueryStream, Result, TypeOverrides, analyzeSql, copyStreams, defaults, escapeIdentifier, escapeLiteral, lint, types, utils });
