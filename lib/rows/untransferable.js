'use strict';

const { markAsUntransferable } = require('node:worker_threads');

/**
 * Keeps memory that several values share in this thread: transferring one of them would take the others along. Node
 * does so with the memory of small Buffers.
 *
 * @type {(memory: ArrayBufferLike) => void}
 */
// Bun has the function, and throws when it is called.
const keepHere = process.versions.bun === undefined ? markAsUntransferable : () => undefined;

module.exports = { keepHere };
