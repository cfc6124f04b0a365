// The ways to the server: straight, or through a proxy for each round-trip time, with the time that a round
// trip really takes there.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { requirePeer } from './contenders/peers.mjs';
import { spread } from './summary.mjs';

const PROXY = fileURLToPath(new URL('./proxy.mjs', import.meta.url));
const PINGS = 30;

export class Network {
  #target;
  #ways = new Map();

  /** @param {import('./contenders/index.mjs').Target} target the server itself */
  constructor(target) {
    this.#target = target;
  }

  /**
   * @param {number} [roundTripMillis]
   * @returns {Promise<import('./contenders/index.mjs').Target>} where to connect
   */
  async target(roundTripMillis) {
    if (!roundTripMillis) return this.#target;
    let way = this.#ways.get(roundTripMillis);
    if (!way) {
      const { host, port } = this.#target;
      const proxy = spawn(process.execPath, [PROXY, host, String(port), String(roundTripMillis)], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const [line] = await once(proxy.stdout.setEncoding('utf8'), 'data');
      const target = { ...this.#target, host: '127.0.0.1', port: Number(line) };
      way = { proxy, target, measured: (await ping(target)) - (await ping(this.#target)) };
      this.#ways.set(roundTripMillis, way);
    }
    return way.target;
  }

  /** @returns {number} what the proxy really adds to a round trip, in milliseconds */
  measured(roundTripMillis) {
    return Number(this.#ways.get(roundTripMillis).measured.toFixed(2));
  }

  async close() {
    for (const { proxy } of this.#ways.values()) {
      const ended = once(proxy, 'exit');
      proxy.stdin.end();
      await ended;
    }
  }
}

async function ping(target) {
  const { Client } = requirePeer('pg');
  const client = new Client({ ...target, ssl: false });
  await client.connect();
  const times = [];
  for (let i = 0; i < PINGS; i += 1) {
    const started = performance.now();
    await client.query('');
    times.push(performance.now() - started);
  }
  await client.end();
  return spread(times).median;
}
