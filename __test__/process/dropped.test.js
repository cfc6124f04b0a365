'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { run } = require('../support/program');
const { postgres } = require('../support/server');

// Uses some of each and forgets them, then waits until the collector has found them all, or says what is left.
const PROGRAM = `
  const { Pool, Client } = require(process.env.MODULE);
  const config = JSON.parse(process.env.CONFIG);
  const USES = {
    query: async (pool) => { await pool.query('SELECT 1'); },
    connect: async (pool) => { (await pool.connect()).release(); },
    'query with a listener': async (pool) => { pool.on('connect', () => {}); await pool.query('SELECT 1'); },
    'failed connect': async (pool) => { pool.options.port = 1; await pool.connect().catch(() => {}); },
    'client that was refused': async () => {
      const client = new Client({ ...config, port: 1 });
      registry.register(client, 'client'); left++;
      await client.connect().catch(() => {});
    },
  };
  let left = 0;
  const registry = new FinalizationRegistry(() => { left--; });
  const use = async (work, options) => {
    const pool = new Pool({ ...config, idleTimeoutMillis: 10, ...options });
    registry.register(pool, 'pool'); left++;
    await work(pool);
  };
  (async () => {
    for (let i = 0; i < 3; i++) {
      for (const work of Object.values(USES)) {
        await use(work, {});
        await use(work, { allowExitOnIdle: true });
      }
    }
    for (let i = 0; i < 100 && left > 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      globalThis.gc();
    }
    console.log(left + ' left');
  })();
`;

describe('pools and clients that a program drops without ending them', () => {
  let server;
  before(async () => {
    server = await postgres();
  });

  for (const [label, module] of Object.entries({ pg: 'pg', pgfleet: './index.js' })) {
    test(`are collected once their idle connections have timed out: ${label}`, async () => {
      const { stdout, stderr, code } = await run(
        { source: PROGRAM },
        { execArgv: ['--expose-gc'], env: { MODULE: module, CONFIG: JSON.stringify(server.config()) } },
      );
      assert.deepEqual({ stdout, stderr, code }, { stdout: '0 left\n', stderr: '', code: 0 });
    });
  }
});
