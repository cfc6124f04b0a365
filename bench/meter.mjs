// What one sample costs, measured from inside the process that runs it.
//
// - Process CPU: user and system time of every thread (process.cpuUsage).
// - CPU of the JavaScript thread: process.threadCpuUsage where the runtime has it, otherwise the first figure
//   of /proc/thread-self/schedstat, which is the time this thread has spent on a CPU, in nanoseconds. Null
//   where neither exists. (performance.eventLoopUtilization counts waiting for a CPU as work, so it says
//   nothing when client and server share one.)
// - Peak memory: VmHWM of /proc/self/status, which starts anew in each process; getrusage's maximum, the
//   fallback, starts with the size of the process that forked this one.
// - Event-loop gaps: how much later than due a timer of GAP_INTERVAL_MILLIS fires.

import fs from 'node:fs';
import { performance } from 'node:perf_hooks';

const GAP_INTERVAL_MILLIS = 2;

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
  #gaps = [];

  start() {
    this.#gaps.length = 0;
    this.#lastTick = performance.now();
    this.#timer = setInterval(() => this.#tick(), GAP_INTERVAL_MILLIS);
    this.#cpu = process.cpuUsage();
    this.#threadCpu = this.#clock.read();
    this.#started = performance.now();
  }

  #timer;
  #lastTick;
  #cpu;
  #threadCpu;
  #started;

  #tick() {
    const now = performance.now();
    this.#gaps.push(Math.max(0, now - this.#lastTick - GAP_INTERVAL_MILLIS));
    this.#lastTick = now;
  }

  /** @returns {number} seconds since start() */
  elapsed() {
    return (performance.now() - this.#started) / 1000;
  }

  /**
   * @returns {{ seconds: number, cpuSeconds: number, threadCpuSeconds: number | null,
   *   threadCpuSource: string, peakBytes: number, longestGapMillis: number, gap99Millis: number }}
   */
  stop() {
    const seconds = this.elapsed();
    const threadCpu = this.#clock.read();
    const cpu = process.cpuUsage(this.#cpu);
    this.#tick(); // work that never let the timer run is a gap too
    clearInterval(this.#timer);
    const gaps = this.#gaps.sort((a, b) => a - b);
    return {
      seconds,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      threadCpuSeconds: threadCpu === null ? null : (threadCpu - this.#threadCpu) / 1e9,
      threadCpuSource: this.#clock.source,
      peakBytes: peakMemory(),
      longestGapMillis: gaps.at(-1),
      gap99Millis: gaps[Math.floor((gaps.length - 1) * 0.99)],
    };
  }
}
