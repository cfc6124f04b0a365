// The command line of `npm run bench`.

import { parseArgs } from 'node:util';
import { before, contenders } from './contenders/index.mjs';
import { workloads } from './workloads/index.mjs';

export const HELP = `npm run bench -- [options]

  --workloads a,b,…    only these; a name may end in * (default: the headline workloads)
  --all                every workload
  --contenders a,b,…   only these (default: all that can be had)
  --before DIRECTORY   another checkout of this package, built there, takes part too: what did a change cost?
  --rounds N           samples of each contender and workload (default 5)
  --seconds S          how long a sample measures (default 0.4)
  --warm-up S          how long it works before that (default 0.6: the compilers of V8 and JavaScriptCore
                       need some thousand queries until they are done)
  --pinned, --free     only this mode: client and server on one CPU, or wherever the system puts them
                       (default: pinned, and free for what only makes sense there)
  --quick              one round of short samples, to see that everything works
  --server URL         a PostgreSQL that is there, instead of one made for the run; tables named bench_… are
                       made in it, and dropped at the end (PGPASSWORD keeps the password out of the URL)
  --version N          major version of the PostgreSQL that is made for the run, 15 or 17 (default 17)
  --output DIRECTORY   where the results go (default: bench/results for a full run, otherwise
                       bench/results/local)
  --update             measure these workloads again, or more of them, and put them into the results that are in
                       bench/results (or --output), from the same machine, versions and options
  --list               names of workloads and contenders
  --help`;

/**
 * @typedef {object} Options
 * @property {import('./workloads/index.mjs').Workload[]} workloads
 * @property {import('./contenders/index.mjs').Contender[]} contenders
 * @property {number} rounds
 * @property {number} seconds
 * @property {number} warmUpSeconds
 * @property {Array<'pinned' | 'free'>} [modes] undefined: each workload's first
 * @property {boolean} full whether the results are those of the default run, or more
 * @property {string} [server]
 * @property {number} version
 * @property {string} [output]
 * @property {boolean} update
 */

/** @param {string[]} args @returns {Options & { help?: boolean, list?: boolean }} */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      workloads: { type: 'string' },
      all: { type: 'boolean', default: false },
      contenders: { type: 'string' },
      before: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      pinned: { type: 'boolean', default: false },
      free: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      server: { type: 'string' },
      version: { type: 'string', default: '17' },
      output: { type: 'string' },
      update: { type: 'boolean', default: false },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.before) process.env.PGFLEET_BENCH_BEFORE = values.before;
  const chosen = values.contenders ? pick(contenders, values.contenders, 'contender') : contenders;
  const modes = ['pinned', 'free'].filter((mode) => values[mode]);
  return {
    workloads: values.workloads ? pick(workloads, values.workloads, 'workload') : preset(values),
    contenders: values.before ? [...chosen, before] : chosen,
    rounds: positive(values.rounds ?? (values.quick ? '1' : '5'), 'rounds'),
    seconds: positive(values.seconds ?? (values.quick ? '0.2' : '0.4'), 'seconds'),
    warmUpSeconds: positive(values['warm-up'] ?? (values.quick ? '0.3' : '0.6'), 'warm-up'),
    modes: modes.length > 0 ? modes : undefined,
    full: !values.workloads && !values.contenders && !values.before && !values.quick && modes.length === 0,
    server: values.server,
    version: positive(values.version, 'version'),
    output: values.output,
    update: values.update,
    help: values.help,
    list: values.list,
  };
}

// One of each kind: --quick is for seeing that the benchmark works, and for a first impression.
const QUICK = [
  'sequential-*',
  'in-flight-1000-pool-5-*',
  'rows-10000',
  'insert-unnest',
  'connect-tls',
  'ddl-20ms',
  'ddl-20ms-pipelined',
];

function preset({ all, quick }) {
  if (all) return workloads;
  return quick ? pick(workloads, QUICK.join(), 'workload') : workloads.filter(({ headline }) => headline);
}

function pick(all, names, kind) {
  const wanted = names.split(',').map((name) => name.trim());
  for (const name of wanted) {
    if (!all.some((one) => matches(one.name, name))) {
      throw new RangeError(
        `There is no ${kind} ${name}. There are ${all.map((one) => one.name).join(', ')}.`,
      );
    }
  }
  return all.filter((one) => wanted.some((name) => matches(one.name, name)));
}

function matches(name, pattern) {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function positive(text, name) {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${name} wants a number above 0, not ${text}`);
  return value;
}
