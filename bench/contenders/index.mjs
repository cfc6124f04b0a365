// The clients that take part. `pg` comes first: the ratios are against it.

import { buildLibpq, buildRawRust } from './programs.mjs';

/**
 * What a contender that runs in JavaScript has to offer; its module exports `adapter` and `version`.
 *
 * @typedef {object} Adapter
 * @property {(target: Target, options?: { size?: number, named?: boolean, tls?: boolean, shared?: boolean })
 *   => Promise<Session>} open a pool of `size` connections
 * @property {(target: Target, options: { tls: boolean }) => Promise<void>} connectOnce connect and close
 * @property {new () => any} Manager the guide's class, or this package's
 * @property {boolean} [sharesPools] whether worker threads can share one pool (`shared`)
 *
 * @typedef {object} Session
 * @property {(text: string, values?: unknown[]) => PromiseLike<any>} query what the client itself gives, so that no
 *   wrapper is measured with it
 * @property {(answer: any) => Array<Record<string, unknown>>} rowsOf the rows of such an answer
 * @property {(text: string, batchSize: number, onRows: (rows: unknown[]) => void) => Promise<void>} [cursor]
 * @property {(statement: string, chunks: Iterable<Buffer>) => Promise<void>} [copyIn]
 * @property {(statement: string) => Promise<number>} [copyOut] resolves to the bytes that came
 * @property {(sql: string) => object[]} [analyzeSql]
 * @property {(sql: string) => number} [statementCount]
 * @property {() => Promise<void>} close
 *
 * @typedef {{ host: string, port: number, user: string, password: string, database: string }} Target
 */

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {string} title for tables and plots
 * @property {'node' | 'bun' | 'program'} runtime
 * @property {'pgfleet' | 'before' | 'peer' | 'bun' | 'limit'} role
 * @property {string} [module] for node and bun: the file with the adapter
 * @property {boolean} [inWorkers] false when it can't be loaded in worker threads
 * @property {() => { program: string, version: string }} [build] for programs
 * @property {string[]} [options] for programs: options it is always called with
 * @property {string[]} [kinds] for programs: the kinds of work it knows
 * @property {boolean} [tls] for programs: whether it speaks TLS
 */

/** @type {Contender[]} */
export const contenders = [
  { name: 'pg', title: 'pg', runtime: 'node', role: 'peer', module: './pg.mjs' },
  {
    name: 'pg-native',
    title: 'pg-native',
    runtime: 'node',
    role: 'peer',
    module: './pg-native.mjs',
    inWorkers: false,
  },
  { name: 'postgres', title: 'postgres.js', runtime: 'node', role: 'peer', module: './postgres.mjs' },
  { name: 'bun', title: 'Bun sql', runtime: 'bun', role: 'bun', module: './bun.mjs' },
  { name: 'pgfleet', title: 'pgfleet', runtime: 'node', role: 'pgfleet', module: './pgfleet.mjs' },
  { name: 'pgfleet-bun', title: 'pgfleet on Bun', runtime: 'bun', role: 'pgfleet', module: './pgfleet.mjs' },
  {
    name: 'libpq',
    title: 'libpq (C)',
    runtime: 'program',
    role: 'limit',
    build: buildLibpq,
    options: [],
    kinds: ['query', 'rows', 'connect', 'copyOut'],
    tls: true,
  },
  {
    name: 'raw',
    title: 'raw Rust',
    runtime: 'program',
    role: 'limit',
    build: buildRawRust,
    options: ['--no-pipeline'],
    kinds: ['query', 'rows', 'connect', 'copyOut'],
    tls: false,
  },
  {
    name: 'raw-pipelined',
    title: 'raw Rust, pipelined',
    runtime: 'program',
    role: 'limit',
    build: buildRawRust,
    options: [],
    kinds: ['query'],
    tls: false,
  },
];

/**
 * Another checkout of this package, to compare a change with what was there before it. `--before` names its directory,
 * which the samples' processes find in PGFLEET_BENCH_BEFORE.
 *
 * @type {Contender}
 */
export const before = {
  name: 'before',
  title: 'pgfleet before',
  runtime: 'node',
  role: 'before',
  module: './before.mjs',
};
