'use strict';

/**
 * A way of using the package. `run` makes entries or reads at a site; it settles, and never rejects.
 *
 * @typedef {object} Way
 * @property {string} name
 * @property {number} weight how often, compared with the others
 * @property {'manager'} [needs] the kind of crew that can do it
 * @property {(site: import('../site.js').Site) => Promise<unknown> | undefined} run
 */

/** @type {Way[]} */
module.exports = ['pool', 'client', 'copy', 'ddl', 'reads'].flatMap((group) => require(`./${group}.js`).ways);
