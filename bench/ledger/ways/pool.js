'use strict';

const { bodyOf } = require('../schema.js');
const { mustBe } = require('../untrue.js');

const INSERT = 'INSERT INTO entries (key, part, body) VALUES ($1, $2, $3)';
const values = (key, part = 1) => [key, part, bodyOf(key, part)];

/** A row as text of SQL. */
const literal = (key, part) => `('${key}', ${part}, '${bodyOf(key, part)}')`;
const literalInsert = (key, part) => `INSERT INTO entries (key, part, body) VALUES ${literal(key, part)}`;

async function insert(pool, config) {
  const { rowCount, command } = await pool.query(config);
  mustBe(command === 'INSERT' && rowCount === 1, `acknowledged as ${command} of ${rowCount} rows`);
}

/** One insert, in one of the ways in which a pool takes it. */
const ONE = {
  unnamed: (pool, key) => insert(pool, { text: INSERT, values: values(key) }),
  named: (pool, key) => insert(pool, { name: 'ledger insert', text: INSERT, values: values(key) }),
  literal: (pool, key) => insert(pool, literalInsert(key, 1)),
  async returning(pool, key) {
    const { rows } = await pool.query({
      name: 'ledger returning',
      text: `${INSERT} RETURNING *`,
      values: values(key),
    });
    mustBe(rows.length === 1 && rows[0].key === key, `was told of ${JSON.stringify(rows[0]?.key)}`);
  },
  callback: (pool, key) =>
    new Promise((resolve, reject) => {
      pool.query(INSERT, values(key), (error, result) => (error ? reject(error) : resolve(result)));
    }).then(({ rowCount }) => mustBe(rowCount === 1, `acknowledged with ${rowCount} rows`)),
};

const one = (way, weight) => ({
  name: `pool, ${way}`,
  weight,
  run: (site) => site.entry(way, {}, (key) => ONE[way](site.pool, key)),
});

module.exports = {
  literal,
  literalInsert,
  ways: [
    one('unnamed', 6),
    one('named', 6),
    one('literal', 3),
    one('returning', 4),
    one('callback', 2),
    {
      name: 'pool, a table that is replaced now and then',
      weight: 3,
      run: (site) =>
        site.entry('volatile', {}, (key) =>
          insert(site.pool, {
            name: 'ledger volatile',
            text: INSERT.replace('entries', 'volatile_entries'),
            values: values(key),
          }),
        ),
    },
    {
      name: 'pool, several rows',
      weight: 3,
      run: (site) =>
        site.entry('several rows', { parts: 3 }, async (key) => {
          const text = 'INSERT INTO entries (key, part, body) VALUES ($1, 1, $2), ($1, 2, $3), ($1, 3, $4)';
          const bodies = [1, 2, 3].map((part) => bodyOf(key, part));
          const { rowCount } = await site.pool.query(text, [key, ...bodies]);
          mustBe(rowCount === 3, `acknowledged with ${rowCount} of 3 rows`);
        }),
    },
    {
      name: 'pool, several statements in one text',
      weight: 3,
      run: (site) =>
        site.entry('several statements', { parts: 3 }, async (key) => {
          const results = await site.pool.query([1, 2, 3].map((part) => literalInsert(key, part)).join('; '));
          mustBe(
            results.length === 3 && results.every(({ rowCount }) => rowCount === 1),
            'acknowledged in part',
          );
        }),
    },
    {
      name: 'pool, several statements of which one fails',
      weight: 2,
      run: (site) =>
        site.entry('failing statements', { parts: 2, hopeless: true }, async (key) => {
          await site.pool.query(`${literalInsert(key, 1)}; ${literalInsert(key, 2)}; SELECT 1 / 0`).then(
            () => mustBe(false, 'a division by zero was acknowledged'),
            () => undefined,
          );
          return 'refused';
        }),
    },
    {
      name: 'pool, a signal',
      weight: 4,
      run: (site) => {
        const signal = AbortSignal.timeout(site.random.between(0, 60));
        const text = `${INSERT.replace(/VALUES.*/, 'SELECT $1, $2, $3 FROM pg_sleep($4)')}`;
        return site.entry('signal', {}, (key) =>
          insert(site.pool, { text, values: [...values(key), site.random.between(0, 60) / 1000], signal }),
        );
      },
    },
    {
      name: 'pool, query_timeout',
      weight: 3,
      run: (site) => {
        const text = `${INSERT.replace(/VALUES.*/, 'SELECT $1, $2, $3 FROM pg_sleep($4)')}`;
        return site.entry('query_timeout', {}, (key) =>
          insert(site.pool, {
            text,
            values: [...values(key), site.random.between(0, 60) / 1000],
            query_timeout: site.random.between(1, 60),
          }),
        );
      },
    },
    {
      name: 'pool, many of one turn',
      weight: 3,
      run: (site) => {
        const kinds = Object.keys(ONE);
        const together = Array.from({ length: site.random.between(10, 60) }, () => site.random.pick(kinds));
        return Promise.all(
          together.map((way) => site.entry(`${way} among many`, {}, (key) => ONE[way](site.pool, key))),
        );
      },
    },
  ],
};
