'use strict';

const { describe } = require('node:test');

const LOADERS = {
  pg: () => require('pg'),
  pgfleet: () => require('../..'),
};

/**
 * Runs a body of tests once on npm's `pg` and once on this package. A contender that can't be loaded makes
 * its suite fail. PGFLEET_CONTENDER=pg or =pgfleet leaves the other one out.
 *
 * @param {(contender: { pg: typeof import('pg'), label: 'pg' | 'pgfleet', ours: boolean }) => void} body
 */
function forBoth(body) {
  const only = process.env.PGFLEET_CONTENDER;
  if (only && !(only in LOADERS))
    throw new RangeError(`PGFLEET_CONTENDER is ${only}; it can be pg or pgfleet`);
  for (const [label, load] of Object.entries(LOADERS)) {
    if (only && only !== label) continue;
    describe(label, () => body({ pg: load(), label, ours: label === 'pgfleet' }));
  }
}

module.exports = { forBoth };
