'use strict';

const { callOut } = require('./caller');

// A request may have listeners: a signal that could abort it, a trace that ends with it. Most have none, at no cost.

/**
 * @typedef {(error: unknown, result: unknown) => void} Onlooker
 */

/**
 * @typedef {{ _onlookers?: Onlooker[] | undefined }} Settling
 */

/**
 * Calls a listener when a request settles.
 *
 * @param {Settling} request
 * @param {Onlooker} onlooker
 */
function onSettled(request, onlooker) {
  if (request._onlookers === undefined) request._onlookers = [onlooker];
  else request._onlookers.push(onlooker);
}

/**
 * @param {Settling} request
 * @param {unknown} error
 * @param {unknown} result
 */
function tellSettled(request, error, result) {
  const onlookers = request._onlookers;
  if (onlookers === undefined) return;
  request._onlookers = undefined;
  for (const onlooker of onlookers) callOut(onlooker, error, result);
}

module.exports = { onSettled, tellSettled };
