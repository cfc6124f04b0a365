'use strict';

const { DatabaseError } = require('pg-protocol');
const { pgTypes: types } = require('../rows/types');

const Client = require('./client/client');
const Connection = require('./client/connection');
const defaults = require('./settings/defaults');
const Pool = require('./pool/pool');
const Query = require('./query/query');
const Result = require('./query/result');
const TypeOverrides = require('./query/type-overrides');
const utils = require('./query/utils');

/** Exactly what `require('pg')` has. */
const pg = {
  defaults,
  Client,
  Query,
  Pool,
  _pools: [],
  Connection,
  types,
  DatabaseError,
  TypeOverrides,
  escapeIdentifier: utils.escapeIdentifier,
  escapeLiteral: utils.escapeLiteral,
  Result,
  utils,
};

// node-postgres's access to its binding of libpq. Here everything is native.
Object.defineProperty(pg, 'native', { configurable: true, enumerable: false, value: pg });

module.exports = pg;
