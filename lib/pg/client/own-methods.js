'use strict';

/**
 * The methods of clients as they are when client.js has made them. Tracers may replace those of the prototype as soon
 * as that file is loaded, before any other is.
 *
 * @type {Pick<import('./client'), 'connect' | 'query' | 'end'>}
 */
const ownMethods = /** @type {never} */ ({ connect: undefined, query: undefined, end: undefined });

module.exports = ownMethods;
