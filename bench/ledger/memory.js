'use strict';

/**
 * How much the memory of a long run may grow. The resident memory moves by some megabytes from one chapter to the next,
 * as allocators please; the JavaScript heap hardly does.
 */
const MOST_GROWTH = { rss: 64 * 1024 * 1024, heapUsed: 12 * 1024 * 1024 };
/** The compilers and pools of buffers have their sizes by then. */
const WARM_UP_CHAPTERS = 3;

/** What the process has in use, in bytes, after a collection. Needs --expose-gc. */
function sample() {
  for (let i = 0; i < 3; i += 1) globalThis.gc();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed };
}

/**
 * Compares the least of the last third with the least of the first.
 *
 * @param {{ rss: number, heapUsed: number }[]} samples one a chapter
 * @returns {Record<'rss' | 'heapUsed', { growth: number, isFlat: boolean }> | null} null: too few to say
 */
function growthOf(samples) {
  const settled = samples.slice(WARM_UP_CHAPTERS);
  const third = Math.floor(settled.length / 3);
  if (third === 0) return null;
  const growth = (kind) => {
    const least = (some) => Math.min(...some.map((one) => one[kind]));
    const bytes = least(settled.slice(-third)) - least(settled.slice(0, third));
    return { growth: bytes, isFlat: bytes <= MOST_GROWTH[kind] };
  };
  return { rss: growth('rss'), heapUsed: growth('heapUsed') };
}

module.exports = { growthOf, sample };
