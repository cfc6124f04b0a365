'use strict';

const Pool = require('./pg/pool');

/**
 * Runs a script on a pool, in a transaction of its own or as it is.
 *
 * @param {any} pool ours, or any pool with node-postgres's methods
 * @param {string} sql
 * @param {boolean} useTransaction
 * @returns {Promise<any>} what `client.query(sql)` of node-postgres resolves to
 */
function runDdl(pool, sql, useTransaction) {
  if (pool instanceof Pool && pool._isDirect()) return pool._executeDdl(sql, useTransaction);
  return runOnClient(pool, sql, useTransaction);
}

/**
 * @param {any} pool
 * @param {string} sql
 * @param {boolean} useTransaction
 */
async function runOnClient(pool, sql, useTransaction) {
  const client = await pool.connect();
  /** @type {any} */
  let broken;
  try {
    if (!useTransaction) return await client.query(sql);
    await client.query('BEGIN');
    try {
      const result = await client.query(sql);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      // The script's error is the one to tell. A connection that can't roll back isn't given to anybody else.
      await client.query('ROLLBACK').catch((/** @type {any} */ failure) => {
        broken = failure;
      });
      throw error;
    }
  } finally {
    client.release(broken);
  }
}

module.exports = { runDdl };
