'use strict';

// What errors say in node-postgres's words, which programs have always matched on: they are kept to the letter. The
// native side has those that it says in `src/error/texts.rs`. Nothing here decides by them, see `kindOf` in
// `lib/errors.js`.

// Connections that are gone.

/** This side closed it. */
const TERMINATED = 'Connection terminated';
/** The other side closed it, or the network did. */
const UNEXPECTED_END = 'Connection terminated unexpectedly';
/** Of a query that comes behind the end. */
const NOT_QUERYABLE = 'Client has encountered a connection error and is not queryable';
/** Of a query that comes behind `end`. */
const CLIENT_CLOSED = 'Client was closed and is not queryable';
const CONNECTED_TWICE = 'Client has already been connected. You cannot reuse a client.';

/** A stream is the program's own, and the pooler of a project would be found by another. */
const PROJECT_CARRIED =
  '"stream" or "connection" can\'t be used for a Supabase project whose pooler is still to be found: say its host';

// Pools.

const POOL_ENDED = 'Cannot use a pool after calling end on the pool';
const POOL_ENDED_TWICE = 'Called end on pool more than once';
const RELEASED_TWICE = 'Release called on client which has already been released to the pool.';

// Time.

/** A client wasn't connected in time. */
const CONNECT_TIMEOUT = 'timeout expired';
/** The same for a client of a pool. */
const POOL_CONNECT_TIMEOUT = 'Connection terminated due to connection timeout';
/** No client of a pool was free in time. */
const WAIT_TIMEOUT = 'timeout exceeded when trying to connect';
/** A query wasn't answered in time. */
const QUERY_TIMEOUT = 'Query read timeout';

// Queries.

const NO_QUERY = 'Client was passed a null or undefined query';
const NO_TEXT = 'A query must have either text or a name. Supplying neither is unsupported.';
const NO_ARRAY_OF_VALUES = 'Query values must be an array';
const NO_PASSWORD = 'Password must be a string';

/** @param {string} name of a message that isn't allowed at this point */
function unexpectedMessage(name) {
  return `Received unexpected ${name} message from backend.`;
}

module.exports = {
  CLIENT_CLOSED,
  CONNECTED_TWICE,
  CONNECT_TIMEOUT,
  NOT_QUERYABLE,
  NO_ARRAY_OF_VALUES,
  NO_PASSWORD,
  NO_QUERY,
  NO_TEXT,
  POOL_CONNECT_TIMEOUT,
  POOL_ENDED,
  POOL_ENDED_TWICE,
  PROJECT_CARRIED,
  QUERY_TIMEOUT,
  RELEASED_TWICE,
  TERMINATED,
  UNEXPECTED_END,
  WAIT_TIMEOUT,
  unexpectedMessage,
};
