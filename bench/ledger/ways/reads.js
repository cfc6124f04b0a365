'use strict';

const { createHash } = require('node:crypto');
const { Cursor, QueryStream } = require('../../../index.js');
const { bodyOf } = require('../schema.js');
const { mustBe } = require('../untrue.js');
const { withClient } = require('./client.js');

const DIGEST = 'SELECT $1::text AS word, md5($1) AS digest, length($1) AS length';
const md5 = (word) => createHash('md5').update(word).digest('hex');

async function digest(pool, word, name) {
  const { rows } = await pool.query({ name, text: DIGEST, values: [word] });
  const [row] = rows;
  const isRight =
    rows.length === 1 && row.word === word && row.digest === md5(word) && row.length === word.length;
  mustBe(isRight, `asked for ${word} and got ${JSON.stringify(rows)}`);
}

/** A long result has to be there to its end, or fail. */
function checkRow(row, n) {
  mustBe(row.n === n && row.word === `word ${n}`, `row ${n} is ${JSON.stringify(row)}`);
}

const SERIES = `SELECT n, 'word ' || n AS word FROM generate_series(1, 3000) AS n`;
const word = (site) => `word ${site.random.between(1, 1e9)}`;

module.exports = {
  ways: [
    {
      name: 'read',
      weight: 5,
      run: (site) => site.reading('read', () => digest(site.pool, word(site))),
    },
    {
      name: 'named read',
      weight: 5,
      run: (site) => site.reading('named read', () => digest(site.pool, word(site), 'ledger digest')),
    },
    {
      name: 'many reads of one turn',
      weight: 3,
      run: (site) =>
        Promise.all(
          Array.from({ length: site.random.between(10, 100) }, (_, i) =>
            site.reading('read among many', () =>
              digest(site.pool, word(site), i % 2 ? 'ledger digest' : undefined),
            ),
          ),
        ),
    },
    {
      name: 'large read',
      weight: 1,
      run: (site) =>
        site.reading('large read', async () => {
          const { rows } = await site.pool.query(SERIES);
          mustBe(rows.length === 3000, `${rows.length} of 3000 rows`);
          rows.forEach((row, i) => checkRow(row, i + 1));
        }),
    },
    {
      name: 'query stream',
      weight: 1,
      run: (site) =>
        site.reading('query stream', () =>
          withClient(site, async (client) => {
            let count = 0;
            for await (const row of client.query(new QueryStream(SERIES))) checkRow(row, (count += 1));
            mustBe(count === 3000, `${count} of 3000 rows`);
          }),
        ),
    },
    {
      name: 'cursor',
      weight: 1,
      run: (site) =>
        site.reading('cursor', () =>
          withClient(site, async (client) => {
            const cursor = client.query(new Cursor(SERIES));
            let count = 0;
            for (;;) {
              const rows = await cursor.read(500);
              if (rows.length === 0) break;
              for (const row of rows) checkRow(row, (count += 1));
            }
            mustBe(count === 3000, `${count} of 3000 rows`);
          }),
        ),
    },
    {
      // What was acknowledged is visible, at once and in every session.
      name: 'read of what was written',
      weight: 4,
      run(site) {
        const known = site.written.filter(({ database }) => database === site.database);
        if (known.length === 0) return undefined;
        const { key, parts } = site.random.pick(known);
        return site.reading(`read of ${key}`, async () => {
          const text = 'SELECT key, part, body FROM entries WHERE key = $1 ORDER BY part';
          const { rows } = await site.pool.query(text, [key]);
          const isWhole = rows.length === parts && rows.every(({ body }, i) => body === bodyOf(key, i + 1));
          mustBe(isWhole, `${rows.length} of ${parts} rows of ${key}`);
        });
      },
    },
  ],
};
