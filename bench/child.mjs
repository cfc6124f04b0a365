// Starts the fresh process of a sample, on one CPU when that is wanted, and reads what it found.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PEERS } from './contenders/peers.mjs';

const SAMPLE = fileURLToPath(new URL('./sample.mjs', import.meta.url));
const BUN = `${PEERS}node_modules/.bin/bun`;
const WATCHDOG_MILLIS = 180_000;

/**
 * @param {{ contender: import('./contenders/index.mjs').Contender, program?: string }} entrant
 * @param {object} job what sample.mjs or the program gets
 * @param {{ cpu?: string }} [placement]
 * @returns {Promise<any>} what the child printed
 */
export async function runSample({ contender, program }, job, { cpu } = {}) {
  const { command, args, env } =
    contender.runtime === 'program' ? programCall(contender, program, job) : scriptCall(contender, job);
  const whole = cpu === undefined ? [command, ...args] : ['taskset', '-c', cpu, command, ...args];
  const child = spawn(whole[0], whole.slice(1), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const watchdog = setTimeout(() => child.kill('SIGKILL'), WATCHDOG_MILLIS);
  const [code, signal] = await once(child, 'close').finally(() => clearTimeout(watchdog));
  if (code !== 0) {
    const error = new Error(
      signal === 'SIGKILL' ? `no end after ${WATCHDOG_MILLIS} ms` : `ended with ${signal ?? code}`,
    );
    error.stderr = stderr;
    throw error;
  }
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

function scriptCall({ runtime }, job) {
  const env = { PGFLEET_BENCH_JOB: JSON.stringify(job) };
  if (runtime === 'bun') return { command: BUN, args: [SAMPLE], env };
  return { command: process.execPath, args: ['--expose-gc', SAMPLE], env };
}

function programCall({ options }, program, { target, work, seconds, warmUpSeconds, tls }) {
  const { kind, sql, values, named, pool, inFlight } = work;
  const env = {
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGUSER: target.user,
    PGPASSWORD: target.password,
    PGDATABASE: target.database,
    PGSSLMODE: tls ? 'require' : 'disable',
  };
  const args = [
    ...options,
    ...['--kind', kind, '--sql', sql, '--seconds', String(seconds), '--warm-up', String(warmUpSeconds)],
    ...['--pool', String(pool), '--in-flight', String(inFlight)],
    ...values.flatMap((value) => ['--value', value]),
    ...(named ? ['--named'] : []),
  ];
  return { command: program, args, env };
}
