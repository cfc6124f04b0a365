// Everything that is measured, in the order in which it is shown.

import { workloads as sequential } from './sequential.mjs';
import { workloads as inFlight } from './in-flight.mjs';
import { workloads as updates } from './updates.mjs';
import { workloads as rows } from './rows.mjs';
import { workloads as wideText } from './wide-text.mjs';
import { workloads as arrays } from './arrays.mjs';
import { workloads as bytea } from './bytea.mjs';
import { workloads as insert } from './insert.mjs';
import { workloads as copyOut } from './copy-out.mjs';
import { workloads as cursor } from './cursor.mjs';
import { workloads as connect } from './connect.mjs';
import { workloads as ddl } from './ddl.mjs';
import { workloads as addConnections } from './add-connections.mjs';
import { workloads as streaming } from './streaming.mjs';
import { workloads as workers } from './workers.mjs';
import { workloads as sql } from './sql.mjs';

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} title
 * @property {string} unit what is counted: 'query', 'row', 'DDL', …
 * @property {boolean} [headline] part of the default run; the others come with --all or by name
 * @property {Array<'pinned' | 'free'>} modes what it runs in unless the caller asks for one
 * @property {boolean} [freeOnly] it waits for a network, or wants several CPUs: on one CPU it says nothing
 * @property {boolean} [named] prepared statements
 * @property {boolean} [tls]
 * @property {number} [poolSize]
 * @property {number} [roundTripMillis] the server is reached through a proxy that makes a round trip last so long
 * @property {number} [databases] how many databases it wants
 * @property {number} [rounds] at most so many rounds: for what takes long and hardly varies
 * @property {boolean} [once] a sample is one batch, however long it takes
 * @property {boolean} [warmUp] false when a first batch changes nothing for the second
 * @property {keyof import('../contenders/index.mjs').Session} [needs] what a session has to offer for it
 * @property {boolean} [inWorkers] the work is done by other threads than the one that is metered
 * @property {string[]} [setUp] SQL that is run once before
 * @property {(context: Context) => Promise<any>} open
 * @property {(state: any, context: Context) => Promise<number>} batch does a piece of work, resolves to the count of units
 * @property {(state: any, context: Context) => Promise<{ rows?: number, checksum: string }>} [check] the result,
 *   for comparison; never measured
 * @property {(state: any) => Promise<void>} close
 * @property {object} [program] the same work for the programs in limits/
 *
 * @typedef {object} Context
 * @property {import('../contenders/index.mjs').Adapter} adapter
 * @property {import('../contenders/index.mjs').Target} target
 * @property {Workload} workload
 * @property {number} seconds how long to measure
 * @property {number} warmUpSeconds
 * @property {string} contender
 * @property {string[]} databases
 * @property {boolean} serverHasTls
 */

const plain = [
  ...sequential,
  ...inFlight,
  ...updates,
  ...rows,
  ...wideText,
  ...arrays,
  ...bytea,
  ...insert,
  ...copyOut,
  ...cursor,
  ...connect,
  ...ddl,
  ...addConnections,
  ...streaming,
  ...workers,
  ...sql,
];

const UNDER_TLS = [
  'sequential-unnamed',
  'sequential-named',
  'in-flight-1000-pool-10-unnamed',
  'in-flight-1000-pool-10-named',
  'rows-10000',
  'rows-100000',
  'cursor-1000000',
];

function underTls(workload) {
  return {
    ...workload,
    name: `tls-${workload.name}`,
    title: `${workload.title}, TLS`,
    tls: true,
    headline: false,
    chart: undefined,
  };
}

/** @type {Workload[]} */
export const workloads = [...plain, ...plain.filter(({ name }) => UNDER_TLS.includes(name)).map(underTls)];
