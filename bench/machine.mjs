// Where the figures come from.

import fs from 'node:fs';
import os from 'node:os';
import { execFileSync } from 'node:child_process';

/** @returns {Record<string, string | number>} */
export function describeMachine() {
  const [cpu] = os.cpus();
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cpus: os.availableParallelism(),
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GB`,
    system: `${systemName()} (${os.type()} ${os.release()} ${os.arch()})`,
    node: process.version,
    loadBefore: Number(os.loadavg()[0].toFixed(2)),
  };
}

function systemName() {
  if (!fs.existsSync('/etc/os-release')) return os.platform();
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(fs.readFileSync('/etc/os-release', 'utf8'))?.[1] ?? os.platform();
}

/** @returns {boolean} whether processes can be put on one CPU */
export function hasTaskset() {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/** @returns {string} the CPUs this process may use, as taskset takes them */
export function ownCpus() {
  const status = fs.readFileSync('/proc/self/status', 'latin1');
  return /^Cpus_allowed_list:\s+(\S+)/m.exec(status)[1];
}

/** @param {string} list as taskset takes it @returns {string} the first CPU in it */
export function firstCpu(list) {
  return list.split(/[-,]/)[0];
}
