'use strict';

const { createHmac, pbkdf2 } = require('node:crypto');
const { promisify } = require('node:util');
const { setImmediate } = require('../../timers');

const inOnePiece = promisify(pbkdf2);
const nextTurn = promisify(setImmediate);

const KEY_BYTES = 32;

// Node's own can't be stopped, keeps the process alive, and takes up to half a second for so many.
const MOST_IN_ONE_PIECE = 100000;

/** A few milliseconds of work. */
const PIECE = 1000;

/**
 * PBKDF2 with HMAC-SHA-256. A server decides how much work this is, so that much of it is done in pieces, as long as
 * the key is wanted.
 *
 * @param {string} password
 * @param {Buffer} salt
 * @param {number} iterations
 * @param {() => boolean} isWanted
 * @returns {Promise<Buffer | null>} null when it isn't wanted any more
 */
async function derive(password, salt, iterations, isWanted) {
  if (iterations <= MOST_IN_ONE_PIECE) return inOnePiece(password, salt, iterations, KEY_BYTES, 'sha256');
  const hmac = (/** @type {Buffer} */ data) => createHmac('sha256', password).update(data).digest();
  let last = hmac(Buffer.concat([salt, Buffer.from([0, 0, 0, 1])]));
  const sum = Buffer.from(last);
  for (let done = 1; done < iterations; done++) {
    if (done % PIECE === 0) {
      await nextTurn();
      if (!isWanted()) return null;
    }
    last = hmac(last);
    for (let i = 0; i < KEY_BYTES; i++) sum[i] ^= last[i];
  }
  return sum;
}

module.exports = { derive };
