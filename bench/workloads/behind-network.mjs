// The same work with the server further away.

/**
 * @param {import('./index.mjs').Workload} base
 * @param {number} roundTripMillis
 * @returns {import('./index.mjs').Workload}
 */
export function behindNetwork(base, roundTripMillis) {
  return {
    ...base,
    name: `${base.name}-${roundTripMillis}ms`,
    title: `${base.title}, at a round trip of ${roundTripMillis} ms`,
    headline: false,
    chart: undefined,
    modes: ['free'],
    freeOnly: true,
    roundTripMillis,
    program: undefined,
  };
}
