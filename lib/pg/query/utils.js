'use strict';

const { escapeIdentifier, escapeLiteral } = require('./escape');
const { prepareValue } = require('./parameter');
const { normalizeQueryConfig } = require('./query-config');

/** What `pg/lib/utils` has, under the path by which npm's pg-cursor and others ask for it. */
module.exports = { prepareValue, normalizeQueryConfig, escapeIdentifier, escapeLiteral };
