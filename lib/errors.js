'use strict';

const os = require('node:os');
const { inspect } = require('node:util');
const { DatabaseError } = require('pg-protocol');
const { CONNECT_TIMEOUT, QUERY_TIMEOUT, WAIT_TIMEOUT } = require('./texts');

// In the order of pg-protocol's parser: own properties are compared and printed.
const SERVER_FIELDS = [
  'severity',
  'code',
  'detail',
  'hint',
  'position',
  'internalPosition',
  'internalQuery',
  'where',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'file',
  'line',
  'routine',
];

const SYSTEM_FIELDS = ['syscall', 'address', 'port', 'hostname', 'phase'];

// What libuv calls the failures of a name look-up; they are no errno of the system.
/** @type {Record<string, number>} */
const LOOKUP_ERRNO = { ENOTFOUND: -3008, EAI_AGAIN: -3001 };

/** Phases in which a connection is being made. */
const CONNECTING = new Set(['connect', 'tls', 'authenticate']);

// By phase.
/** @type {Record<string, string>} */
const TIMEOUT_TEXTS = {
  wait: WAIT_TIMEOUT,
  connect: CONNECT_TIMEOUT,
  tls: CONNECT_TIMEOUT,
  authenticate: CONNECT_TIMEOUT,
  query: QUERY_TIMEOUT,
};

/**
 * What is to be done about an error, which is decided by this and never by its text.
 *
 * @typedef {'config' | 'io' | 'timeout' | 'tls' | 'auth' | 'refused' | 'server' | 'protocol' | 'closed' | 'lost'
 *   | 'aborted'} Kind
 */

/** @type {WeakMap<object, Kind>} */
const kinds = new WeakMap();

/**
 * @typedef {object} NativeFailure
 * @property {Kind} kind
 * @property {string} [message]
 * @property {string} [code]
 * @property {string} [phase] what was being done, for a timeout
 * @property {NativeFailure[]} [errors] one for each address that was tried
 * @property {string} [outcome] what became of a script
 * @property {{ statement: string, state: string }[]} [steps] what became of each of its statements
 */

/**
 * The JavaScript error for a failure that the native side describes as plain data.
 *
 * @param {NativeFailure & Record<string, any>} payload
 * @returns {Error & Record<string, any>}
 */
function fromNative(payload) {
  const error = ofKind(payload.kind, errorOf(payload));
  if (payload.outcome) {
    error.outcome = payload.outcome;
    if (payload.steps) error.steps = payload.steps;
  }
  return error;
}

/**
 * @param {NativeFailure & Record<string, any>} payload
 * @returns {Error & Record<string, any>}
 */
function errorOf(payload) {
  if (payload.kind === 'server') return serverError(payload);
  if (payload.kind === 'timeout') return timeoutError(payload);
  if (payload.kind === 'config') return plainError(TypeError, payload);
  if (Array.isArray(payload.errors) && payload.errors.length > 1)
    return severalErrors(payload, payload.errors);
  return plainError(Error, payload);
}

/** @param {Record<string, any>} payload */
function serverError(payload) {
  const error = new DatabaseError(payload.message, payload.length, 'error');
  copyServerFields(error, payload);
  return error;
}

/**
 * @param {Record<string, any>} target
 * @param {Record<string, any>} payload
 */
function copyServerFields(target, payload) {
  for (const field of SERVER_FIELDS) {
    const value = payload[field];
    // Absent is undefined in node-postgres, whatever the native side says for it.
    target[field] = value === null ? undefined : value;
  }
}

/**
 * node-postgres's text, which programs match on, with what happened in full as the cause.
 *
 * @param {Record<string, any>} payload
 */
function timeoutError(payload) {
  const message = TIMEOUT_TEXTS[payload.phase];
  // Of waiting there is no more to say.
  const options = payload.phase === 'wait' ? undefined : { cause: new Error(payload.message) };
  /** @type {Error & Record<string, any>} */
  const error = new Error(message, options);
  error.code = payload.code || 'ETIMEDOUT';
  copySystemFields(error, payload);
  return error;
}

/**
 * @param {Record<string, any>} payload
 * @param {NativeFailure[]} failures
 */
function severalErrors(payload, failures) {
  const errors = failures.map(fromNative);
  const message = payload.message || errors.map((error) => error.message).join('; ');
  /** @type {AggregateError & Record<string, any>} */
  const error = new AggregateError(errors, message);
  error.code = payload.code || errors[0].code;
  return error;
}

/**
 * @param {ErrorConstructor | TypeErrorConstructor} Type
 * @param {Record<string, any>} payload
 */
function plainError(Type, payload) {
  /** @type {Error & Record<string, any>} */
  const error = new Type(payload.message || systemMessage(payload));
  const errno = errnoOf(payload);
  if (errno !== undefined) error.errno = errno;
  if (payload.code) error.code = payload.code;
  copySystemFields(error, payload);
  return error;
}

/**
 * @param {Record<string, any>} target
 * @param {Record<string, any>} payload
 */
function copySystemFields(target, payload) {
  for (const field of SYSTEM_FIELDS) {
    if (payload[field] !== undefined && payload[field] !== null) target[field] = payload[field];
  }
}

/** @param {Record<string, any>} payload */
function errnoOf(payload) {
  const { code } = payload;
  if (code in LOOKUP_ERRNO) return LOOKUP_ERRNO[code];
  const number = /** @type {Record<string, number>} */ (os.constants.errno)[code];
  if (number !== undefined) return -number;
  return typeof payload.errno === 'number' ? payload.errno : undefined;
}

/**
 * As Node words it: `connect ECONNREFUSED 127.0.0.1:5432`, `getaddrinfo ENOTFOUND host`.
 *
 * @param {Record<string, any>} payload
 */
function systemMessage(payload) {
  const where = payload.address
    ? payload.port
      ? payload.address + ':' + payload.port
      : payload.address
    : payload.hostname;
  return [payload.syscall, payload.code, where].filter(Boolean).join(' ') || 'connection failed';
}

/**
 * @template {Error} T
 * @param {Kind} kind
 * @param {T} error
 * @returns {T} the error, which is of this kind from now on
 */
function ofKind(kind, error) {
  kinds.set(error, kind);
  return error;
}

/**
 * @param {Error} error
 * @returns {Kind | undefined} undefined of an error that this package has not made of a failure
 */
function kindOf(error) {
  return kinds.get(error);
}

/**
 * @param {Error & { phase?: string }} error
 * @returns {boolean} whether the time ran out while a connection was being made
 */
function isConnectTimeout(error) {
  return kindOf(error) === 'timeout' && CONNECTING.has(String(error.phase));
}

/**
 * @param {Error & { phase?: string }} error
 * @returns {boolean} whether the time ran out while no connection of a pool was free
 */
function isWaitTimeout(error) {
  return kindOf(error) === 'timeout' && error.phase === 'wait';
}

/**
 * @param {any} error
 * @returns {boolean} whether the server itself said it, whichever copy of pg-protocol the class is from
 */
function isServerError(error) {
  return error instanceof DatabaseError || typeof error.severity === 'string';
}

/**
 * What somebody's code has thrown, as a value that says there is an error: a program can throw `undefined`.
 *
 * @param {any} value
 * @returns {any} the value itself, unless it counts as false
 */
function thrown(value) {
  return value || new Error(`A callback has thrown ${inspect(value)}`, { cause: value });
}

module.exports = {
  DatabaseError,
  copyServerFields,
  fromNative,
  isConnectTimeout,
  isServerError,
  isWaitTimeout,
  kindOf,
  ofKind,
  thrown,
};
