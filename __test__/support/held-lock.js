'use strict';

const { randomInt } = require('node:crypto');
const { Client } = require('pg');
const { eventually } = require('./failure.js');

/**
 * An advisory lock that a session of its own holds: whatever wants it lasts until it is released, however slow or fast
 * the machine is.
 */
class HeldLock {
  /** @param {Client} client whose session holds the lock */
  constructor(client, key) {
    this._client = client;
    this.key = key;
    /** A statement that lasts until the lock is released. */
    this.text = `SELECT pg_advisory_xact_lock(${key})`;
  }

  /** Waits until so many sessions want it. */
  async wanted(count = 1) {
    const text = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = ${this.key}`;
    await eventually(
      async () => (await this._client.query(text)).rowCount === count,
      `${count} waiting for a lock`,
    );
  }

  /** Gives it up. */
  release() {
    // A session's locks end with it.
    return this._client.end();
  }
}

/**
 * @param {object} config of the database whose sessions shall want the lock
 * @returns {Promise<HeldLock>}
 */
async function heldLock(config) {
  const client = new Client(config);
  await client.connect();
  const key = randomInt(1, 2 ** 31);
  await client.query('SELECT pg_advisory_lock($1)', [key]);
  return new HeldLock(client, key);
}

module.exports = { heldLock };
