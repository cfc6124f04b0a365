'use strict';

const os = require('node:os');
const { inspect } = require('node:util');
const { DatabaseError } = require('pg-protocol');
const { CONNECT_TIMEOUT, QUERY_TIMEOUT, WAIT_TIMEOUT } = require('./texts');

// In the order of pg-protocol's parser: own properties are compared and printed.
/** @type {(keyof ServerFields)[]} */
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

/** @type {(keyof SystemFields)[]} */
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
 * The kind of an error, by which code decides what to do about it; never by its text.
 *
 * @typedef {import('./native/addon').Kind} Kind
 */

/** @type {WeakMap<object, Kind>} */
const kinds = new WeakMap();

/**
 * @typedef {import('./native/addon').Failure} Failure
 * @typedef {import('./native/addon').ServerFields} ServerFields
 * @typedef {import('./native/addon').SystemFields} SystemFields
 */

/**
 * What an error of this package may say besides its message: the server's fields, the system's, and what became of a
 * script.
 *
 * @typedef {Error & ServerFields & SystemFields & import('./native/addon').Fate & { errno?: number,
 *   cause?: unknown, supabase?: import('./native/addon').Failure['supabase'] }} PgError
 */

/** The program's errors that are kept until they have been passed on; most are passed on at once. */
const MOST_THROWN = 100;

/** @type {Map<number, NonNullable<unknown>>} what the program has thrown in answer to questions, by their numbers */
const thrownErrors = new Map();

/**
 * Keeps what the program has thrown in answer to a question: the failure that comes of it gives the same error back.
 *
 * @param {number} question
 * @param {NonNullable<unknown>} error
 */
function keepThrown(question, error) {
  thrownErrors.set(question, error);
  if (thrownErrors.size > MOST_THROWN) {
    for (const oldest of thrownErrors.keys()) {
      thrownErrors.delete(oldest);
      break;
    }
  }
}

/**
 * What the native side is told of something that was thrown.
 *
 * @param {unknown} error
 * @returns {string}
 */
function messageOf(error) {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'what was thrown has no text';
  }
}

/**
 * The JavaScript error for a failure that the native side describes as plain data.
 *
 * @param {Failure} payload
 * @returns {PgError}
 */
function fromNative(payload) {
  const own = payload.thrown === undefined ? undefined : thrownErrors.get(payload.thrown);
  // The program's own error doesn't have the outcome of work that was under way.
  if (own !== undefined && (!payload.outcome || payload.outcome === 'not applied'))
    return /** @type {PgError} */ (own);
  const error = ofKind(payload.kind, errorOf(payload));
  if (own !== undefined) error.cause = own;
  if (payload.outcome) {
    error.outcome = payload.outcome;
    if (payload.steps) error.steps = payload.steps;
  }
  if (payload.blockers) {
    error.blockers = payload.blockers;
    error.attempts = payload.attempts;
    error.waitedMs = payload.waitedMs;
  }
  if (payload.supabase) error.supabase = payload.supabase;
  return error;
}

/**
 * @param {Failure} payload
 * @returns {PgError}
 */
function errorOf(payload) {
  if (payload.kind === 'server') return serverError(payload);
  if (payload.kind === 'timeout') return timeoutError(payload);
  if (payload.kind === 'config') return plainError(TypeError, payload);
  if (payload.code === 'PGFLEET_PSQL') return plainError(SyntaxError, payload);
  if (payload.code === 'PGFLEET_TOO_DEEP') return plainError(RangeError, payload);
  if (Array.isArray(payload.errors) && payload.errors.length > 1)
    return severalErrors(payload, payload.errors);
  return plainError(Error, payload);
}

/** @param {Failure} payload */
function serverError(payload) {
  const { message, length } = /** @type {{ message: string, length: number }} */ (payload);
  const error = new DatabaseError(message, length, 'error');
  copyServerFields(error, payload);
  return error;
}

/**
 * @param {ServerFields} target
 * @param {{ [field in keyof ServerFields]: string | null }} payload
 */
function copyServerFields(target, payload) {
  for (const field of SERVER_FIELDS) {
    const value = payload[field];
    // A missing field is undefined in node-postgres, whatever the native side has for it.
    target[field] = value ?? undefined;
  }
}

/**
 * node-postgres's text, which programs match on, with what happened in full as the cause.
 *
 * @param {Failure} payload
 */
function timeoutError(payload) {
  const message = TIMEOUT_TEXTS[String(payload.phase)];
  // For waiting there is nothing to add.
  const options = payload.phase === 'wait' ? undefined : { cause: new Error(payload.message) };
  /** @type {PgError} */
  const error = new Error(message, options);
  error.code = payload.code || 'ETIMEDOUT';
  copySystemFields(error, payload);
  return error;
}

/**
 * @param {Failure} payload
 * @param {Failure[]} failures
 */
function severalErrors(payload, failures) {
  const errors = failures.map(fromNative);
  const message = payload.message || errors.map((error) => error.message).join('; ');
  /** @type {AggregateError & PgError} */
  const error = new AggregateError(errors, message);
  error.code = payload.code || errors[0].code;
  return error;
}

/**
 * @param {new (message: string) => Error} Type
 * @param {Failure} payload
 */
function plainError(Type, payload) {
  /** @type {PgError} */
  const error = new Type(payload.message || systemMessage(payload));
  const errno = errnoOf(payload);
  if (errno !== undefined) error.errno = errno;
  if (payload.code) error.code = payload.code;
  copySystemFields(error, payload);
  return error;
}

/**
 * @param {PgError} target
 * @param {Failure} payload
 */
function copySystemFields(target, payload) {
  for (const field of SYSTEM_FIELDS) {
    const value = payload[field];
    if (value !== undefined && value !== null) Object.assign(target, { [field]: value });
  }
}

/** @param {Failure} payload */
function errnoOf(payload) {
  const { code } = payload;
  const named = String(code);
  if (named in LOOKUP_ERRNO) return LOOKUP_ERRNO[named];
  const number = /** @type {Record<string, number>} */ (os.constants.errno)[named];
  if (number !== undefined) return -number;
  return typeof payload.errno === 'number' ? payload.errno : undefined;
}

/**
 * As Node words it: `connect ECONNREFUSED 127.0.0.1:5432`, `getaddrinfo ENOTFOUND host`.
 *
 * @param {Failure} payload
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
 * @param {unknown} error
 * @returns {error is Error & ServerFields & { severity: string }} whether the server itself said it, whichever copy of pg-protocol the class is from
 */
function isServerError(error) {
  return error instanceof DatabaseError || typeof (/** @type {ServerFields} */ (error).severity) === 'string';
}

/**
 * @param {unknown} error of the system
 * @returns {boolean} whether there was no file descriptor left, which is temporary
 */
function lacksDescriptors(error) {
  const { code } = /** @type {NodeJS.ErrnoException} */ (error);
  return code === 'EMFILE' || code === 'ENFILE';
}

/**
 * What the program's code has thrown, as a value that is surely an error: a program can throw `undefined`.
 *
 * @param {unknown} value
 * @returns {NonNullable<unknown>} the value itself, unless it counts as false
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
  keepThrown,
  kindOf,
  lacksDescriptors,
  messageOf,
  ofKind,
  thrown,
};
