'use strict';

const { tracingChannel } = require('node:diagnostics_channel');

const { isLikeConnectionString } = require('../settings/secret');

// For tracing tools: `diagnostics_channel.tracingChannel('pgfleet:query').subscribe(…)`. Nothing is made, and nothing
// published, as long as nobody subscribes. Values, rows and passwords are never part of what is published.

const channels = {
  query: tracingChannel('pgfleet:query'),
  connect: tracingChannel('pgfleet:connect'),
  acquire: tracingChannel('pgfleet:pool:acquire'),
};

/**
 * Whether anybody subscribes to any part of a channel. (Node's own `hasSubscribers` of a tracing channel isn't in every
 * version that this package runs on.)
 *
 * @param {any} channel
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
 * @param {any} client
 * @returns {Record<string, any>}
 */
function place({ host, port, database, user }) {
  return {
    host: open(host),
    port: isPort(port) ? port : '[hidden]',
    database: open(database),
    user: open(user),
  };
}

/** @param {any} port or several, or what is in the wrong place */
function isPort(port) {
  return typeof port !== 'string' || /^[\s\d,]*$/.test(port);
}

/** @param {any} value a name, if it isn't a connection string in its place */
function open(value) {
  return isLikeConnectionString(value) ? '[hidden]' : value;
}

/**
 * @param {any} client the one that the query runs on, or that stands for all of a pool's
 * @param {any} query a text, a configuration or a submittable
 * @returns {Record<string, any>}
 */
function queryContext(client, query) {
  // npm's cursors keep their text elsewhere.
  const { text, name } = typeof query === 'string' ? { text: query, name: undefined } : textOf(query);
  return { ...place(client), text, name, processID: client.processID };
}

/** @param {any} query */
function textOf(query) {
  const { text = query.cursor?.text, name } = query;
  return { text, name: name || undefined };
}

/**
 * Publishes the parts of one asynchronous operation: `start` and `end` around its beginning, `asyncStart` and
 * `asyncEnd` when it settles, `error` before those when it fails.
 *
 * @template T
 * @param {any} channel
 * @param {Record<string, any>} context what the subscribers get each time
 * @param {(settled: (error: any, result?: any) => void) => T} begin
 * @returns {T}
 */
function trace(channel, context, begin) {
  const settled = (/** @type {any} */ error, /** @type {any} */ result) => {
    if (error) fail(error);
    else if (result && typeof result.rowCount === 'number') context.rowCount = result.rowCount;
    channel.asyncStart.publish(context);
    channel.asyncEnd.publish(context);
  };
  const fail = (/** @type {any} */ error) => {
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
