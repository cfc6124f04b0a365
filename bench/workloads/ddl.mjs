// executeDDL, with the server beside the client and behind networks of different length.

import { onManager } from './manager.mjs';

const SET_UP = ['DROP TABLE IF EXISTS bench_ddl', 'CREATE TABLE bench_ddl (id int4, note text)'];
const LOCAL_SCRIPT =
  'CREATE TABLE bench_ddl_new (id int4 PRIMARY KEY, note text NOT NULL); DROP TABLE bench_ddl_new;';
const HUNDRED = 100;

const alter = (i) => `ALTER TABLE bench_ddl ALTER COLUMN note SET DEFAULT 'note ${i}'`;

async function defaultOf(manager) {
  const sql = `SELECT column_default AS found FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = 'bench_ddl' AND column_name = 'note'`;
  const result = await manager.executeDDL(sql, false);
  const [row] = result.rows ?? result;
  return { rows: 1, checksum: row.found };
}

const local = {
  ...onManager,
  name: 'ddl-local',
  title: 'executeDDL of CREATE and DROP TABLE, server beside the client',
  unit: 'DDL',
  modes: ['pinned'],
  setUp: ['DROP TABLE IF EXISTS bench_ddl_new'],
  async batch(manager) {
    await manager.executeDDL(LOCAL_SCRIPT);
    return 1;
  },
};

function delayed(roundTripMillis) {
  return {
    ...onManager,
    name: `ddl-${roundTripMillis}ms`,
    title: `executeDDL at a round trip of ${roundTripMillis} ms`,
    unit: 'DDL',
    headline: roundTripMillis === 20,
    chart: 'network',
    modes: ['free'],
    freeOnly: true,
    roundTripMillis,
    setUp: SET_UP,
    async batch(manager) {
      await manager.executeDDL(alter(0));
      return 1;
    },
    async check(manager) {
      await manager.executeDDL(alter(HUNDRED));
      return defaultOf(manager);
    },
  };
}

/** COMMIT in the same write; for the guide's class the option is another way to say that there is a transaction. */
function pipelined(roundTripMillis) {
  const commit = { commit: 'pipelined' };
  return {
    ...delayed(roundTripMillis),
    name: `ddl-${roundTripMillis}ms-pipelined`,
    title: `executeDDL at a round trip of ${roundTripMillis} ms, COMMIT pipelined`,
    async batch(manager) {
      await manager.executeDDL(alter(0), commit);
      return 1;
    },
    async check(manager) {
      await manager.executeDDL(alter(HUNDRED), commit);
      return defaultOf(manager);
    },
  };
}

function hundred(roundTripMillis) {
  return {
    ...delayed(roundTripMillis),
    name: `ddl-100-in-order-${roundTripMillis}ms`,
    title: `100 executeDDL in order at a round trip of ${roundTripMillis} ms`,
    headline: false,
    once: true,
    warmUp: false,
    rounds: roundTripMillis > 1 ? 2 : undefined, // seconds of waiting that hardly vary
    async batch(manager) {
      for (let i = 0; i < HUNDRED; i += 1) await manager.executeDDL(alter(i));
      return HUNDRED;
    },
    async check(manager) {
      for (let i = 0; i < HUNDRED; i += 1) await manager.executeDDL(alter(i));
      return defaultOf(manager);
    },
  };
}

export const workloads = [
  local,
  ...[1, 20, 80].map(delayed),
  ...[1, 20, 80].map(pipelined),
  ...[1, 20, 80].map(hundred),
];
