// For how long at a time the event loop does nothing else: how much later than due a timer fires.
//
// The timer is part of what it watches. Where it is due before the kernel's next tick, each wait of the loop sets the
// clock of the CPU and resets it, which on a virtual machine takes longer than a system call (docs/decisions/0025). So
// it runs in a stretch of its own, unless a sample is one piece of work.

import { performance } from 'node:perf_hooks';

const INTERVAL_MILLIS = 2;

/** Watches the event loop of this thread while a stretch of work goes on. */
export class Gaps {
  #gaps = [];
  #timer;
  #lastTick;

  start() {
    this.#lastTick = performance.now();
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MILLIS);
  }

  #tick() {
    const now = performance.now();
    this.#gaps.push(Math.max(0, now - this.#lastTick - INTERVAL_MILLIS));
    this.#lastTick = now;
  }

  /** @returns {{ longestGapMillis: number, gap99Millis: number }} */
  stop() {
    this.#tick(); // work that never let the timer run is a gap too
    clearInterval(this.#timer);
    const gaps = this.#gaps.sort((a, b) => a - b);
    return { longestGapMillis: gaps.at(-1), gap99Millis: gaps[Math.floor((gaps.length - 1) * 0.99)] };
  }
}
