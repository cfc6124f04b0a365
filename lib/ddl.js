'use strict';

const Client = require('./pg/client');
const Pool = require('./pg/pool');
const { runObeying } = require('./pg/pool-abort');

/**
 * Runs a script on a pool, in a transaction of its own or as it is.
 *
 * @param {any} pool ours, or any pool with node-postgres's methods
 * @param {string} sql
 * @param {boolean} useTransaction
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} what `client.query(sql)` of node-postgres resolves to
 */
function runDdl(pool, sql, useTransaction, signal) {
  if (signal !== undefined && pool instanceof Pool) {
    return runObeying(pool, { signal }, undefined, (client, done) => {
      const running =
        client instanceof Client
          ? client._executeDdl(sql, useTransaction, signal)
          : runOnClient(client, sql, useTransaction);
      running.then((/** @type {any} */ result) => done(null, result), done);
    });
  }
  if (pool instanceof Pool && pool._isDirect()) return pool._executeDdl(sql, useTransaction);
  return runOnPool(pool, sql, useTransaction);
}

/**
 * @param {any} pool
 * @param {string} sql
 * @param {boolean} useTransaction
 */
async function runOnPool(pool, sql, useTransaction) {
  const client = await pool.connect();
  /** @type {any} */
  let broken;
  try {
    return await runOnClient(client, sql, useTransaction, (failure) => {
      broken = failure;
    });
  } finally {
    client.release(broken);
  }
}

/**
 * @param {any} client
 * @param {string} sql
 * @param {boolean} useTransaction
 * @param {(failure: any) => void} [breaks] told when the client can't be used any more
 */
async function runOnClient(client, sql, useTransaction, breaks) {
  if (!useTransaction) return await client.query(sql);
  await client.query('BEGIN');
  try {
    const result = await client.query(sql);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // The script's error is the one to tell. A connection that can't roll back isn't given to anybody else.
    await client.query('ROLLBACK').catch((/** @type {any} */ failure) => breaks?.(failure));
    throw error;
  }
}

module.exports = { runDdl };
