// What the JavaScript engine itself takes for the 100,000 mixed rows, with no database: makes the same objects from
// text that is there already, over and over, and keeps each result until the next one is whole. No client can be
// quicker than this and its server together.
//
//   taskset -c 0 node --expose-gc bench/limits/rows-of-v8.mjs [seconds]

import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';

const ROWS = 100_000;
/** Rows to a piece of text, about as many as the addon hands over at a time. */
const PIECE = 500;
const WARM_UP_SECONDS = 1.5;
const FIRST_DAY = Date.parse('2024-01-01T00:00:00Z');
const STEP_MILLIS = 61_000;

/** @typedef {{ text: string, ends: Int32Array, first: number }} Piece */

/** @returns {Piece} */
function pieceFrom(first) {
  const values = [];
  for (let id = first; id < first + PIECE; id += 1) {
    const hash = createHash('md5').update(String(id)).digest('hex');
    const token = hash.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    const amount = (((id * 7) % 100_000) / 100).toFixed(2);
    values.push(String(id * 1_000_000_007), `name ${id}`, `user${id}@example.com`, amount, token, 'a', 'b');
  }
  let end = 0;
  const ends = Int32Array.from(values, (value) => (end += value.length));
  // By way of a buffer, so that it is one flat string.
  return { text: Buffer.from(values.join(''), 'latin1').toString('latin1'), ends, first };
}

/** @param {Piece[]} pieces */
function makeRows(pieces) {
  const rows = [];
  for (const { text, ends, first } of pieces) {
    let start = 0;
    let next = 0;
    const take = () => text.substring(start, (start = ends[next++]));
    for (let id = first; id < first + PIECE; id += 1) {
      rows.push({
        id,
        big: take(),
        name: take(),
        email: take(),
        active: id % 3 === 0,
        score: id * 1.25,
        created_at: new Date(FIRST_DAY + id * STEP_MILLIS),
        amount: take(),
        token: take(),
        payload: { id, flag: id % 2 === 0, tags: [take(), take(), id % 10] },
      });
    }
  }
  return rows;
}

async function microsARow(pieces, seconds) {
  const start = performance.now();
  let rows = 0;
  while (performance.now() < start + seconds * 1000) {
    rows += makeRows(pieces).length;
    await turn();
  }
  return ((performance.now() - start) * 1000) / rows;
}

const pieces = Array.from({ length: ROWS / PIECE }, (_, n) => pieceFrom(n * PIECE + 1));
await microsARow(pieces, WARM_UP_SECONDS);
globalThis.gc?.();
console.log(`${(await microsARow(pieces, Number(process.argv[2] ?? 3))).toFixed(2)} µs a row`);
