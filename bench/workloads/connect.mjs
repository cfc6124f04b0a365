// Connect and close, one after the other. The server asks for SCRAM-SHA-256.

const BATCH = 5;

function connect(tls, roundTripMillis) {
  const away = roundTripMillis ? ` at a round trip of ${roundTripMillis} ms` : '';
  return {
    name: `connect-${tls ? 'tls' : 'plain'}${roundTripMillis ? `-${roundTripMillis}ms` : ''}`,
    title: `connect and close, ${tls ? 'TLS and SCRAM' : 'SCRAM'}${away}`,
    unit: 'connection',
    headline: tls && !roundTripMillis,
    chart: tls && !roundTripMillis ? 'queries' : undefined,
    modes: [roundTripMillis ? 'free' : 'pinned'],
    roundTripMillis,
    tls,
    open: async () => undefined,
    async batch(_, { adapter, target }) {
      for (let i = 0; i < BATCH; i += 1) await adapter.connectOnce(target, { tls });
      return BATCH;
    },
    close: async () => {},
    program: { kind: 'connect', sql: '', values: [], named: false, pool: 1, inFlight: 1 },
  };
}

export const workloads = [connect(false), connect(true), connect(true, 20)];
