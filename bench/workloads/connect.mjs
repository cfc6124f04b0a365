// Connect and close, one after the other. The server asks for SCRAM-SHA-256.

import { behindNetwork } from './behind-network.mjs';

const BATCH = 5;

function connect(tls) {
  return {
    name: `connect-${tls ? 'tls' : 'plain'}`,
    title: `connect and close, ${tls ? 'TLS and SCRAM' : 'SCRAM'}`,
    unit: 'connection',
    headline: tls,
    chart: tls ? 'queries' : undefined,
    modes: ['pinned'],
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

export const workloads = [connect(false), connect(true), behindNetwork(connect(true), 20)];
