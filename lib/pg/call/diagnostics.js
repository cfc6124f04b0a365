'use strict';

const { tracingChannel } = require('node:diagnostics_channel');

const { isLikeConnectionString } = require('../settings/secret');

// For tracing tools: `diagnostics_channel.tracingChannel('pgfleet:query').subscribe(…)`. Nothing is made, and nothing
// published, as long as there is no subscriber. Values, rows and passwords are never part of what is published.

/**
 * Where a client is, or would be, connected to.
 *
 * @typedef {{ host?: unknown, port?: unknown, database?: unknown, user?: unknown }} Place
 */

/**
 * What subscribers get. The same object each time, with what is known by then.
 *
 * @typedef {Place & {
 *   text?: unknown,
 *   name?: unknown,
 *   processID?: number | null,
 *   isNew?: boolean,
 *   rowCount?: number,
 *   error?: unknown,
 * }} Context
 */

/**
 * What may be asked for in a query, or its text.
 *
 * @typedef {string | { text?: unknown, name?: unknown, cursor?: { text?: unknown } }} Asked
 */

/** @typedef {import('node:diagnostics_channel').TracingChannel<unknown, Context>} Channel */

/** @type {{ query: Channel, connect: Channel, acquire: Channel }} */
const channels = {
  query: tracingChannel('pgfleet:query'),
  connect: tracingChannel('pgfleet:connect'),
  acquire: tracingChannel('pgfleet:pool:acquire'),
};

/**
 * Whether any part of a channel has a subscriber. (Node's own `hasSubscribers` of a tracing channel isn't in every
 * version that this package runs on.)
 *
 * @param {Channel} channel
 * @returns {boolean}
 */
function isWatched(channel) {
  return (
    channel.start.hasSubscribers ||
    channel.end.hasSubscribers ||
    channel.asyncStart.hasSubscribers ||
    channel.asyncEnd.hasSubscribers ||
    channel.error.hasSubscribers
  );
}

/**
 * Where a client is, or would be, connected to.
 *
 * @param {Place} client
 * @returns {Context}
 */
function place({ host, port, database, user }) {
  return {
    host: open(host),
    port: isPort(port) ? port : '[hidden]',
    database: open(database),
    user: open(user),
  };
}

/** @param {unknown} port or several, or what is in the wrong place */
function isPort(port) {
  return typeof port !== 'string' || /^[\s\d,]*$/.test(port);
}

/** @param {unknown} value a name, if it isn't a connection string in its place */
function open(value) {
  return isLikeConnectionString(value) ? '[hidden]' : value;
}

/**
 * @param {Place & { processID?: number | null }} client the one that the query runs on, or that stands for all of a pool's
 * @param {Asked} query a text, a configuration or a submittable
 * @returns {Context}
 */
function queryContext(client, query) {
  // npm's cursors keep their text elsewhere.
  const { text, name } = typeof query === 'string' ? { text: query, name: undefined } : textOf(query);
  return { ...place(client), text, name, processID: client.processID };
}

/** @param {Exclude<Asked, string>} query */
function textOf(query) {
  const { text = query.cursor?.text, name } = query;
  return { text, name: name || undefined };
}

/**
 * Publishes the parts of one asynchronous operation: `start` and `end` around its beginning, `asyncStart` and
 * `asyncEnd` when it settles, `error` before those when it fails.
 *
 * @template T
 * @param {Channel} channel
 * @param {Context} context what the subscribers get each time
 * @param {(settled: (error: unknown, result?: unknown) => void) => T} begin
 * @returns {T}
 */
function trace(channel, context, begin) {
  const settled = (/** @type {unknown} */ error, /** @type {unknown} */ result) => {
    const { rowCount } = /** @type {{ rowCount?: unknown }} */ (result || {});
    if (error) fail(error);
    else if (typeof rowCount === 'number') context.rowCount = rowCount;
    channel.asyncStart.publish(context);
    channel.asyncEnd.publish(context);
  };
  const fail = (/** @type {unknown} */ error) => {
    context.error = error;
    channel.error.publish(context);
  };
  return channel.start.runStores(context, () => {
    try {
      return begin(settled);
    } catch (error) {
      fail(error);
      throw error;
    } finally {
      channel.end.publish(context);
    }
  });
}

module.exports = { channels, isWatched, place, queryContext, trace };
