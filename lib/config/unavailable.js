'use strict';

const { shown } = require('../pg/settings/settings');

/**
 * Refuses what a later version will do, and what must not be passed over in silence until then.
 *
 * @param {unknown} policy
 * @param {string} [where] behind the option's name
 * @throws {TypeError}
 */
function checkPolicy(policy, where = '') {
  if (policy === undefined || policy === null || policy === 'all') return;
  throw new TypeError(
    `"policy"${where} is ${shown(policy)}: policies aren't available yet, so that only "all", the default, is taken`,
  );
}

/**
 * @param {unknown} schema
 * @param {string} where behind the option's name
 * @throws {TypeError}
 */
function checkSchema(schema, where) {
  if (schema === undefined || schema === null) return;
  throw new TypeError(`"schema"${where}: databases that are a schema of another one aren't available yet`);
}

module.exports = { checkPolicy, checkSchema };
