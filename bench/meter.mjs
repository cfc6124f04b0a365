// What one sample costs, measured from inside the process that runs it.
//
// - Process CPU: user and system time of every thread (process.cpuUsage).
// - CPU of the JavaScript thread: process.threadCpuUsage where the runtime has it, otherwise the first figure
//   of /proc/thread-self/schedstat, which is the time this thread has spent on a CPU, in nanoseconds. Null
//   where neither exists. (performance.eventLoopUtilization counts waiting for a CPU as work, so it says
//   nothing when client and server share one.)
// - Peak memory: VmHWM of /proc/self/status, which starts anew in each process; getrusage's maximum, the
//   fallback, starts with the size of the process that forked this one.
//
// Gaps of the event loop are another matter, see gaps.mjs.

import fs from 'node:fs';
import { performance } from 'node:perf_hooks';

/** @returns {{ source: string, read: () => number | null }} CPU time of the calling thread, in nanoseconds */
function threadClock() {
  if (typeof process.threadCpuUsage === 'function') {
    return {
      source: 'process.threadCpuUsage',
      read() {
        const { user, system } = process.threadCpuUsage();
        return (user + system) * 1000;
      },
    };
  }
  const file = '/proc/thread-self/schedstat';
  if (fs.existsSync(file)) {
    return { source: file, read: () => Number(fs.readFileSync(file, 'latin1').split(' ', 1)[0]) };
  }
  return { source: 'none', read: () => null };
}

/** @returns {number} the most memory this process has had resident so far, in bytes */
function peakMemory() {
  try {
    const status = fs.readFileSync('/proc/self/status', 'latin1');
    const found = /^VmHWM:\s+(\d+) kB/m.exec(status);
    if (found) return Number(found[1]) * 1024;
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** Times a stretch of work on this thread. */
export class Meter {
  #clock = threadClock();
  #cpu;
  #threadCpu;
  #started;

  start() {
    this.#cpu = process.cpuUsage();
    this.#threadCpu = this.#clock.read();
    this.#started = performance.now();
  }

  /** @returns {number} seconds since start() */
  elapsed() {
    return (performance.now() - this.#started) / 1000;
  }

  /**
   * @returns {{ seconds: number, cpuSeconds: number, threadCpuSeconds: number | null,
   *   threadCpuSource: string, peakBytes: number }}
   */
  stop() {
    const seconds = this.elapsed();
    const threadCpu = this.#clock.read();
    const cpu = process.cpuUsage(this.#cpu);
    return {
      seconds,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      threadCpuSeconds: threadCpu === null ? null : (threadCpu - this.#threadCpu) / 1e9,
      threadCpuSource: this.#clock.source,
      peakBytes: peakMemory(),
    };
  }
}
