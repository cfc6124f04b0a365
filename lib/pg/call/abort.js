'use strict';

const { nextTick } = require('../../timers');
const { callOut } = require('./caller');
const { onSettled } = require('./settlement');

/**
 * A request that a signal may stop.
 *
 * @typedef {import('./settlement').Settling & {
 *   handleError: (error: unknown) => void,
 *   abort: (reason: unknown) => void,
 * }} Abortable
 */

/**
 * The signal of a configuration or of options.
 *
 * @param {unknown} options
 * @returns {AbortSignal | undefined}
 * @throws {TypeError} when it is something else
 */
function signalOf(options) {
  if (options === null || typeof options !== 'object') return undefined;
  const { signal } = /** @type {{ signal?: Partial<AbortSignal> | null }} */ (options);
  if (signal === undefined || signal === null) return undefined;
  if (typeof signal !== 'object' || typeof signal.aborted !== 'boolean' || !('addEventListener' in signal)) {
    throw new TypeError('"signal" must be an AbortSignal');
  }
  return /** @type {AbortSignal} */ (signal);
}

/**
 * The reason of a signal. A rejection needs a value, so a missing reason becomes an AbortError.
 *
 * @param {AbortSignal} signal
 * @returns {NonNullable<unknown>}
 */
function reasonOf(signal) {
  return signal.reason || new DOMException('This operation was aborted', 'AbortError');
}

/**
 * What a signal stops. It gets one listener, however many requests it is for: Node warns of a leak when it has more
 * than a few.
 */
class Followers {
  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.signal = signal;
    /** @type {Set<{ stop: (reason: unknown) => void }>} */
    this.entries = new Set();
    this.listener = () => {
      const reason = reasonOf(signal);
      const entries = [...this.entries];
      this.entries.clear();
      for (const { stop } of entries) callOut(stop, reason);
    };
  }

  /** @param {(reason: unknown) => void} stop */
  add(stop) {
    if (this.entries.size === 0) this.signal.addEventListener('abort', this.listener, { once: true });
    const entry = { stop };
    this.entries.add(entry);
    return () => {
      if (this.entries.delete(entry) && this.entries.size === 0) {
        this.signal.removeEventListener('abort', this.listener);
      }
    };
  }
}

/** @type {WeakMap<AbortSignal, Followers>} */
const followed = new WeakMap();

/**
 * Calls `stop` once the signal aborts.
 *
 * @param {AbortSignal} signal one that hasn't aborted yet
 * @param {(reason: unknown) => void} stop
 * @returns {() => void} ends it
 */
function onAbort(signal, stop) {
  let followers = followed.get(signal);
  if (followers === undefined) {
    followers = new Followers(signal);
    followed.set(signal, followers);
  }
  return followers.add(stop);
}

/**
 * Ties a request that is about to be made to a signal.
 *
 * @param {Abortable} request
 * @param {unknown} options where the signal is, if there is one
 * @param {() => void} stop ends what is being done for the request
 * @returns {boolean} whether the request may be made; otherwise it is over
 */
function obey(request, options, stop) {
  let signal;
  try {
    signal = signalOf(options);
  } catch (error) {
    nextTick(() => request.handleError(error));
    return false;
  }
  if (signal === undefined) return true;
  if (signal.aborted) {
    const reason = reasonOf(signal);
    nextTick(() => request.abort(reason));
    return false;
  }
  onSettled(
    request,
    onAbort(signal, (reason) => {
      stop();
      request.abort(reason);
    }),
  );
  return true;
}

/**
 * Connects a client until a signal aborts.
 *
 * @param {import('../client/client')} client
 * @param {unknown} options where the signal is, if there is one
 * @param {import('../client/client').ConnectCallback} callback
 */
function connectObeying(client, options, callback) {
  let signal;
  try {
    signal = signalOf(options);
  } catch (error) {
    nextTick(() => callback(error));
    return;
  }
  if (signal === undefined) {
    client._connect(callback);
    return;
  }
  if (signal.aborted) {
    const reason = reasonOf(signal);
    nextTick(() => callback(reason, undefined, true));
    return;
  }
  let isAborted = false;
  const forget = onAbort(signal, (reason) => {
    // A second call is refused, and must not stop the first one.
    if (client._connectionCallback !== done) return;
    isAborted = true;
    client._handleConnectFailure(reason);
    if (client._core !== null) client._core.destroy();
  });
  /** @type {import('../client/client').ConnectCallback} */
  const done = (error, connected) => {
    forget();
    callback(error, connected, isAborted);
  };
  client._connect(done);
}

module.exports = { connectObeying, obey, onAbort, reasonOf, signalOf };
