// The contenders that can take part on this machine: each is built or started once, and left out with the reason if
// that fails.

import fs from 'node:fs';
import { execFileSync } from 'node:child_process';
import { PEERS } from './contenders/peers.mjs';
import { runSample } from './child.mjs';

/** Installs the peers when they aren't there, or not those that peers/package.json asks for. */
export function installPeers(say) {
  const lock = `${PEERS}package-lock.json`;
  const installed = `${PEERS}node_modules/.package-lock.json`;
  if (fs.existsSync(installed) && fs.statSync(installed).mtimeMs >= fs.statSync(lock).mtimeMs) return;
  say('Installing the clients to measure against (bench/peers) …');
  // What can't be built here (pg-native wants a compiler and libpq) is optional: npm goes on without it.
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  execFileSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: PEERS,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  fs.utimesSync(installed, new Date(), new Date());
}

/**
 * @typedef {object} Entrant a contender that can take part
 * @property {import('./contenders/index.mjs').Contender} contender
 * @property {string} version
 * @property {string} [program] for programs: the file to run
 * @property {string[]} [offers] for the others: the methods of its sessions
 */

/**
 * @param {import('./contenders/index.mjs').Contender[]} contenders
 * @param {import('./contenders/index.mjs').Target} target
 * @returns {Promise<{ entrants: Entrant[], absent: Array<{ name: string, reason: string }> }>}
 */
export async function lineUp(contenders, target) {
  const entrants = [];
  const absent = [];
  for (const contender of contenders) {
    try {
      const details =
        contender.runtime === 'program'
          ? contender.build()
          : await runSample({ contender }, { contender: contender.name, target });
      entrants.push({ contender, ...details });
    } catch (error) {
      absent.push({ name: contender.name, reason: reasonOf(error) });
    }
  }
  return { entrants, absent };
}

/** @returns {string} the line of a failure that says most */
export function reasonOf(error) {
  const text = [error.stderr, error.message].filter(Boolean).join('\n');
  const lines = text.split('\n').map((line) => line.trim());
  return lines.find((line) => /error|cannot|not found|refused|ENOENT/i.test(line)) ?? lines[0];
}

/**
 * @param {Entrant} entrant
 * @param {import('./workloads/index.mjs').Workload} workload
 * @returns {string | undefined} why it has no part in this workload; undefined when it has
 */
export function refusal({ contender, offers }, workload) {
  if (contender.runtime === 'program') {
    if (!contender.kinds.includes(workload.program?.kind)) return 'not among the limits that are measured';
    if (workload.tls && !contender.tls) return 'has no TLS';
    if (contender.name === 'raw-pipelined' && workload.program.inFlight === 1) return 'nothing to pipeline';
    return undefined;
  }
  if (workload.inWorkers && contender.inWorkers === false) return "can't be loaded in worker threads";
  if (workload.needs && !offers.includes(workload.needs)) return `has no ${workload.needs}`;
  return undefined;
}
