'use strict';

const { LIMITS } = require('./ddl-order');
const { native } = require('../native/binding');
const { fromNative, isServerError } = require('../errors');
const { onAbort, reasonOf } = require('../pg/call/abort');
const { callOut } = require('../pg/call/caller');
const Client = require('../pg/client/client');
const { runScript } = require('../pg/client/client-queries');
const { isTakenPartIn } = require('../pg/pool/participation');
const Pool = require('../pg/pool/pool');
const { NOT_APPLIED, abortError, fateOf, unknownFate, withFate } = require('../pg/query/script-outcome');
const { setImmediate } = require('../timers');

/**
 * @typedef {import('../errors').PgError} PgError
 * @typedef {import('./ddl-order').Order} Order
 */

/**
 * A client of a pool: one of ours, or one with node-postgres's methods.
 *
 * @typedef {{
 *   query: (query: Order['query']) => Promise<{ command?: string | null } | undefined>,
 *   release: (error?: unknown) => void,
 *   on?: (event: 'error' | 'notice', listener: (event: unknown) => void) => unknown,
 *   removeListener?: (event: 'error' | 'notice', listener: (event: unknown) => void) => unknown,
 * }} PooledClient
 */

/** @typedef {{ connect: () => Promise<PooledClient> }} ForeignPool */

/**
 * Why a client can't be used again.
 *
 * @typedef {{ failure: unknown }} Broken
 */

const { query: ownQuery } = Client.prototype;

/**
 * Runs a script on a pool, in a transaction of its own or as it is.
 *
 * @param {Pool | ForeignPool} pool ours, or another with node-postgres's methods
 * @param {Order} order
 * @returns {Promise<unknown>} what `client.query` of node-postgres resolves to; every error has an `outcome`
 */
async function runDdl(pool, order) {
  const refusal = native.refusalOfScript(order.text, order.inTransaction);
  if (refusal !== null) throw withFate(fromNative(refusal), NOT_APPLIED);
  if (!(pool instanceof Pool)) return await runOnClient(pool, order);
  return await pool._executeDdl(order, () => runOnClient(pool, order));
}

/**
 * Runs a script on a client of a pool.
 *
 * @param {Pool | ForeignPool} pool
 * @param {Order} order
 */
async function runOnClient(pool, order) {
  const client = await checkOut(/** @type {ForeignPool} */ (pool), order.signal).catch((error) => {
    throw withFate(error, NOT_APPLIED);
  });
  /** @type {Broken} what keeps the client from being used again */
  const broken = { failure: undefined };
  try {
    return await runWith(client, order, broken);
  } finally {
    giveBack(pool, client, order, broken);
  }
}

/**
 * Runs a script on a client that stays with the caller.
 *
 * @param {PooledClient} client
 * @param {Order} order
 * @param {Broken} broken is told what keeps the client from being used again
 */
async function runWith(client, order, broken) {
  // The script fails with its connection; nothing else needs to be reported.
  client.on?.('error', ignore);
  const { onNotice } = order;
  try {
    if (isNative(client)) return await runScript(client, order);
    refuseWhatNeedsOurs(order);
    if (onNotice !== undefined) client.on?.('notice', onNotice);
    return await runInPieces(client, order, broken);
  } finally {
    if (onNotice !== undefined) client.removeListener?.('notice', onNotice);
    client.removeListener?.('error', ignore);
  }
}

/**
 * Whether the native side may run a script on a client. A replaced `query` means that the program watches the client,
 * or sends messages of its own.
 *
 * @param {PooledClient} client
 * @returns {client is PooledClient & Client}
 */
function isNative(client) {
  return client instanceof Client && !client._isCarried && client.query === ownQuery;
}

/**
 * Gives a client back after a script.
 *
 * @param {Pool | ForeignPool} pool
 * @param {PooledClient} client
 * @param {Pick<Order, 'session'>} order
 * @param {Broken} broken
 */
function giveBack(pool, client, { session: { isChanged, isSpoiled } }, broken) {
  // Settings made by a listener or a hook could have been undone with it.
  const isUnsafe = isSpoiled || (isChanged && (!(pool instanceof Pool) || isTakenPartIn(pool)));
  // An error thrown by a listener of the pool doesn't concern the script.
  callOut(() => client.release(broken.failure ?? (isUnsafe ? true : undefined)));
}

/**
 * Only the native side can watch locks from a second connection, and send data for a COPY.
 *
 * @param {Order} order
 * @throws {Error} that names what can't be had
 */
function refuseWhatNeedsOurs({ care, text }) {
  let what = LIMITS.filter((name) => care?.[name] !== undefined).map((name) => `"${name}"`)[0];
  if (what === undefined && native.hasCopyData(text)) what = 'COPY data in a script';
  if (what === undefined) return;
  const message =
    `${what} needs connections that pgfleet makes itself; those of this pool are made by JavaScript ` +
    '("stream", a Client of its own, or a replaced query)';
  throw withFate(new Error(message), NOT_APPLIED);
}

/**
 * Runs a script that may consist of several pieces, each by messages of its own.
 *
 * @param {PooledClient} client
 * @param {Order} order
 * @param {Broken} broken
 * @returns {Promise<unknown>}
 */
async function runInPieces(client, order, broken) {
  const { care, mode, onProgress, text } = order;
  if (care === undefined && onProgress === undefined) return await runByMessages(client, order, broken);
  const pieces = native.piecesOfScript(text, mode);
  const steps = pieces.flatMap((piece) => piece.statements);
  const tell = (/** @type {number} */ place, /** @type {string} */ state) => {
    if (onProgress === undefined || place >= steps.length) return;
    callOut(onProgress, { step: place + 1, steps: steps.length, statement: steps[place], state });
  };
  const results = [];
  let place = 0;
  for (const { text: part, inTransaction, statements } of pieces) {
    const query = typeof order.query === 'string' ? part : { ...order.query, text: part };
    const piece = mode === 'auto' ? { ...order, text: part, inTransaction, query } : order;
    tell(place, 'started');
    try {
      results.push(await runByMessages(client, piece, broken));
    } catch (error) {
      tell(place, 'failed');
      throw place === 0 ? error : partlyApplied(error, steps, place);
    }
    for (const _ of statements) tell(place++, 'done');
  }
  // What it sets for its session is undone with the connection.
  if (care?.undoesSettings && /\bset\b|set_config/i.test(text)) order.session.isSpoiled = true;
  return results.length === 1 ? results[0] : results.flat();
}

/**
 * The error of a piece as that of the whole script: what was run before is applied.
 *
 * @param {unknown} error
 * @param {string[]} statements of the script
 * @param {number} done how many of them were run
 */
function partlyApplied(error, statements, done) {
  const failure = /** @type {PgError} */ (error);
  const { outcome, steps } = failure;
  const rest = statements.slice(done).map((statement, place) => ({
    statement,
    state: steps?.[place]?.state ?? (outcome === 'unknown' ? 'unknown' : place === 0 ? 'failed' : 'not run'),
  }));
  const before = statements.slice(0, done).map((statement) => ({ statement, state: 'done' }));
  return Object.assign(failure, { outcome: 'partly applied', steps: [...before, ...rest] });
}

function ignore() {
  return undefined;
}

/**
 * @param {ForeignPool} pool
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<PooledClient>}
 */
async function checkOut(pool, signal) {
  if (signal === undefined) return await pool.connect();
  if (signal.aborted) throw abortError(reasonOf(signal), NOT_APPLIED);
  const connecting = Promise.resolve(pool.connect());
  return await new Promise((resolve, reject) => {
    let isOver = false;
    const forget = onAbort(signal, (reason) => {
      isOver = true;
      reject(abortError(reason, NOT_APPLIED));
    });
    // A client that arrives after the call was aborted goes back at once.
    connecting.then(
      (client) => {
        forget();
        if (isOver) client.release();
        else resolve(client);
      },
      (error) => {
        forget();
        reject(error);
      },
    );
  });
}

/**
 * Sends BEGIN, the script and COMMIT by the client's own `query`, one after the other.
 *
 * @param {PooledClient} client
 * @param {Order} order
 * @param {Broken} broken
 */
async function runByMessages(client, order, broken) {
  const { inTransaction, query, signal } = order;
  if (signal?.aborted) throw abortError(reasonOf(signal), NOT_APPLIED);
  let result;
  try {
    if (inTransaction) await stoppable(client, 'BEGIN', signal, broken, () => NOT_APPLIED);
    result = await stoppable(client, query, signal, broken, (isLost) => fateOf(order, isLost));
    if (inTransaction && signal?.aborted) throw abortError(reasonOf(signal), fateOf(order, false));
  } catch (error) {
    // The script's error is the one to tell. A connection that can't roll back isn't used again, and neither is a
    // client of another class that may still be busy.
    if (broken.failure !== undefined) throw error;
    if (inTransaction) broken.failure = await failureOf(client, 'ROLLBACK');
    else if (!(client instanceof Client) && isLoss(error)) broken.failure = error;
    throw error;
  }
  if (inTransaction) await commit(client, order, broken);
  return result;
}

/**
 * @param {PooledClient} client
 * @param {string} query
 * @returns {Promise<unknown>} why it failed, or undefined
 */
async function failureOf(client, query) {
  try {
    await client.query(query);
    return undefined;
  } catch (error) {
    return error || new Error(`${query} failed`);
  }
}

/**
 * @param {PooledClient} client
 * @param {Order} order
 * @param {Broken} broken
 */
async function commit(client, order, broken) {
  let ended;
  try {
    ended = await client.query('COMMIT');
  } catch (error) {
    const isLost = isLoss(error);
    if (isLost) broken.failure = error;
    throw withFate(error, isLost ? unknownFate(order.text) : fateOf(order, false));
  }
  if (ended?.command === 'ROLLBACK') {
    const message = 'The server answered COMMIT with ROLLBACK: the transaction had failed before';
    throw withFate(Object.assign(new Error(message), { code: '25P02' }), fateOf(order, false));
  }
}

/**
 * One query that a signal may stop: on the server where the client can do that, and by closing the connection
 * elsewhere.
 *
 * @param {PooledClient} client
 * @param {Order['query']} query
 * @param {AbortSignal | undefined} signal
 * @param {Broken} broken
 * @param {(isLost: boolean) => import('../pg/query/script-outcome').Fate} fate what becomes of the script when it fails
 */
async function stoppable(client, query, signal, broken, fate) {
  if (signal?.aborted) throw abortError(reasonOf(signal), NOT_APPLIED);
  /** @type {{ reason: unknown } | undefined} */
  let aborted;
  /** @type {() => void} */
  let forget = ignore;
  const stopped = new Promise((_, reject) => {
    if (signal === undefined) return;
    forget = onAbort(signal, (reason) => {
      aborted = { reason };
      if (client instanceof Client) {
        stop(client);
      } else {
        broken.failure = reason;
        reject(reason);
      }
    });
  });
  try {
    return await Promise.race([client.query(query), stopped]);
  } catch (error) {
    if (aborted === undefined) throw withFate(error, fate(isLoss(error)));
    throw abortError(aborted.reason, fate(broken.failure !== undefined || isLoss(error)));
  } finally {
    forget();
  }
}

/**
 * Cancels what a client of ours is doing. Its query fails then, unless it has finished first.
 *
 * @param {Client} client
 */
function stop(client) {
  const cancel = () => {
    if (client._activeQuery) client._abort(client._activeQuery);
  };
  if (client._activeQuery) cancel();
  // After a query that has failed, the next one waits for a turn.
  else setImmediate(cancel);
}

/**
 * Whether an error is that of a connection, and not the server's answer to a query.
 *
 * @param {unknown} error
 */
function isLoss(error) {
  return !isServerError(error) || error.severity === 'FATAL' || error.severity === 'PANIC';
}

module.exports = { checkOut, giveBack, isNative, runDdl, runWith };
