'use strict';

const { onSettled } = require('./settlement');

/**
 * The signal of a configuration or of options.
 *
 * @param {any} options
 * @returns {AbortSignal | undefined}
 * @throws {TypeError} when it is something else
 */
function signalOf(options) {
  if (options === null || typeof options !== 'object') return undefined;
  const { signal } = options;
  if (signal === undefined || signal === null) return undefined;
  if (typeof signal !== 'object' || typeof signal.aborted !== 'boolean' || !('addEventListener' in signal)) {
    throw new TypeError('"signal" must be an AbortSignal');
  }
  return signal;
}

/**
 * Why a signal aborts. A promise can't be rejected with nothing, so a reason that is none becomes the usual one.
 *
 * @param {AbortSignal} signal
 * @returns {any}
 */
function reasonOf(signal) {
  return signal.reason || new DOMException('This operation was aborted', 'AbortError');
}

/**
 * Calls `stop` once the signal aborts.
 *
 * @param {AbortSignal} signal one that hasn't aborted yet
 * @param {(reason: any) => void} stop
 * @returns {() => void} ends it
 */
function onAbort(signal, stop) {
  const listener = () => stop(reasonOf(signal));
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/**
 * Ties a request that is about to be made to a signal.
 *
 * @param {any} request
 * @param {any} options where the signal is, if there is one
 * @param {() => void} stop ends what is being done for the request
 * @returns {boolean} whether the request may be made; otherwise it is over
 */
function obey(request, options, stop) {
  let signal;
  try {
    signal = signalOf(options);
  } catch (error) {
    process.nextTick(() => request.handleError(error));
    return false;
  }
  if (signal === undefined) return true;
  if (signal.aborted) {
    const reason = reasonOf(signal);
    process.nextTick(() => request.abort(reason));
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

module.exports = { obey, onAbort, reasonOf, signalOf };
