'use strict';

const { DatabaseError } = require('pg-protocol');
const { pgTypes: types } = require('../types');

const Client = require('./client');
const Connection = require('./connection');
const defaults = require('./defaults');
const Pool = require('./pool');
const Query = require('./query');
const Result = require('./result');
const TypeOverrides = require('./type-overrides');
const utils = require('./utils');

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

// node-postgres's door to its binding of libpq. Here everything is native.
Object.defineProperty(pg, 'native', { configurable: true, enumerable: false, value: pg });

module.exports = pg;
