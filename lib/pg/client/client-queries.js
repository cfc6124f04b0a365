'use strict';

const { connections } = require('../../native/binding');
const { obey } = require('../call/abort');
const { inContext } = require('../call/caller');
const { onSettled } = require('../call/settlement');
const DdlRequest = require('../query/ddl-request');
const PortalRequest = require('../query/portal-request');
const QueryRequest = require('../query/query-request');
const QueryRun = require('../query/query-run');
const Submission = require('../query/submission');

/** @import Client from './client' */

/**
 * @typedef {import('../call/settlement').Onlooker} Onlooker
 * @typedef {import('../query/query-config').Callback} Callback
 * @typedef {import('../query/query-config').QueryConfig} QueryConfig
 * @typedef {import('../query/request').Submittable} Submittable
 * @typedef {import('../query/result')} Result
 */

/**
 * Puts a query into a client's queue.
 *
 * @param {Client} client
 * @param {string | QueryConfig | Submittable} config
 * @param {unknown[] | Callback | undefined} values
 * @param {Callback | undefined} callback
 * @param {Onlooker | undefined} onlooker
 * @returns {Promise<Result | Result[]> | Submittable | undefined}
 */
function runQuery(client, config, values, callback, onlooker) {
  if (isSubmittable(config)) return runSubmittable(client, config, values, callback, onlooker);

  const request = goesByMessages(client, config)
    ? new PortalRequest(client, undefined, undefined, client._types)
    : new QueryRequest(client, undefined, undefined, client._types);
  let called = callback;
  if (typeof values === 'function') called = callback || values;
  else if (values) request.values = values;
  let timeout;
  if (typeof config === 'string') {
    request.text = config;
  } else {
    request.text = config.text;
    if (request.values === undefined) request.values = config.values;
    request.configure(config);
    if (!called) called = config.callback;
    timeout = config.query_timeout;
  }
  /** @type {Promise<Result | Result[]> | undefined} */
  let answer;
  if (called) {
    if (typeof called !== 'function') throw new TypeError('callback is not a function');
    request.callback = inContext(called, request);
  } else {
    answer = new client._Promise((resolve, reject) => {
      request.resolve = resolve;
      request.reject = reject;
    });
  }
  if (client.binary) request.binary = true;
  if (onlooker !== undefined) onSettled(request, onlooker);
  if (typeof config !== 'string' && config.signal) {
    if (!obey(request, config, () => client._abort(request))) return answer;
  }
  client._enqueue(request, timeout || client.connectionParameters.query_timeout);
  return answer;
}

/**
 * @param {string | QueryConfig | Submittable} query
 * @returns {query is Submittable}
 */
function isSubmittable(query) {
  return typeof (/** @type {Submittable} */ (query).submit) === 'function';
}

/**
 * Whether a query has to be sent as submittables are: one with pages or a portal of its own, and one whose statement
 * was prepared that way, since only the connection's messages know of it.
 *
 * @param {Client} client
 * @param {string | QueryConfig} config
 */
function goesByMessages(client, config) {
  if (client._isCarried) return true;
  if (typeof config === 'string') return false;
  if (config.rows) return true;
  if (client.pipeline) return false;
  if (config.portal) return true;
  if (!config.name || client._connection === null) return false;
  return (
    Object.hasOwn(client._connection.parsedStatements, config.name) && !client._statementText(config.name)
  );
}

/**
 * @param {Client} client
 * @param {Submittable} submittable
 * @param {unknown[] | Callback | undefined} values
 * @param {Callback | undefined} callback
 * @param {Onlooker | undefined} onlooker
 */
function runSubmittable(client, submittable, values, callback, onlooker) {
  if (!submittable.callback) {
    if (typeof values === 'function') submittable.callback = values;
    else if (callback) submittable.callback = callback;
  }
  if (client.binary && !submittable.binary) submittable.binary = true;
  if (submittable._result && !submittable._result._types) submittable._result._types = client._types;
  const request =
    !client._isCarried && QueryRun.isPlainQuery(submittable)
      ? new QueryRun(client, submittable, client._types)
      : new Submission(client, submittable);
  if (onlooker !== undefined) onSettled(request, onlooker);
  client._enqueue(request, submittable.query_timeout || client.connectionParameters.query_timeout);
  return submittable;
}

/**
 * Runs a script on a client, under the native side's rules for DDL.
 *
 * @param {Client} client
 * @param {import('../../manager/ddl-order').Order} order
 * @returns {Promise<Result | Result[]>}
 */
function runScript(client, order) {
  const request = new DdlRequest(client, order, client._types);
  if (client.binary) request.binary = true;
  return new Promise((resolve) => {
    request.resolve = resolve;
    const leaveQueue = () => {
      const place = client._queryQueue.indexOf(request);
      if (place !== -1) client._queryQueue.splice(place, 1);
    };
    if (!obey(request, order, leaveQueue)) return;
    client._awaitsOutcome = true;
    onSettled(request, () => {
      client._awaitsOutcome = false;
      if (client._ended && client._core !== null) connections.delete(client._core.id);
    });
    client._enqueue(request, 0);
    request.limit(order.queryTimeout || client.connectionParameters.query_timeout, leaveQueue);
  });
}

module.exports = { runQuery, runScript };
