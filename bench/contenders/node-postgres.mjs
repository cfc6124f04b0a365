// The adapter for everything that speaks node-postgres's API: pg, pg on libpq, and pgfleet.

import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';

/**
 * @param {object} parts
 * @param {any} parts.pg a module with Pool and Client
 * @param {new () => any} parts.Manager a DatabaseManager
 * @param {any} [parts.Cursor] pg-cursor's class, or one like it
 * @param {{ from: Function, to: Function }} [parts.copy] pg-copy-streams's functions
 * @param {boolean | object} [parts.ssl] what turns TLS on
 * @param {object} [parts.options] more options for every pool
 * @returns {import('./index.mjs').Adapter}
 */
export function nodePostgres({
  pg,
  Manager,
  Cursor,
  copy,
  ssl = { rejectUnauthorized: false },
  options = {},
}) {
  const config = (target, tls) => ({ ...target, ssl: tls ? ssl : false });

  const adapter = {
    Manager,

    async open(target, { size = 1, named = false, tls = false, shared = false } = {}) {
      const pool = new pg.Pool({
        ...config(target, tls),
        ...options,
        max: size,
        ...(shared ? { shared } : {}),
      });
      pool.on('error', (error) => {
        throw error;
      });
      return session(pool, named);
    },

    async connectOnce(target, { tls }) {
      const client = new pg.Client(config(target, tls));
      await client.connect();
      await client.end();
    },
  };

  function session(pool, named) {
    const query = querier(pool, named);
    return {
      query,
      rowsOf: ({ rows }) => rows,
      close: () => pool.end(),
      cursor: Cursor && ((text, batchSize, onRows) => readCursor(pool, text, batchSize, onRows)),
      copyIn:
        copy &&
        (async (statement, chunks) => {
          await withClient(pool, (client) =>
            pipeline(Readable.from(chunks), client.query(copy.from(statement))),
          );
        }),
      copyOut:
        copy &&
        ((statement) =>
          withClient(pool, async (client) => {
            const stream = client.query(copy.to(statement));
            let bytes = 0;
            stream.on('data', (chunk) => (bytes += chunk.length));
            await once(stream, 'end');
            return bytes;
          })),
    };
  }

  async function readCursor(pool, text, batchSize, onRows) {
    await withClient(pool, async (client) => {
      const cursor = client.query(new Cursor(text));
      for (;;) {
        const rows = await cursor.read(batchSize);
        if (rows.length === 0) break;
        onRows(rows);
      }
      await cursor.close();
    });
  }

  return adapter;
}

function querier(pool, named) {
  if (!named) return (text, values) => pool.query(text, values);
  const names = new Map();
  return (text, values) => {
    let name = names.get(text);
    if (name === undefined) names.set(text, (name = `statement_${names.size}`));
    return pool.query({ name, text, values });
  };
}

async function withClient(pool, work) {
  const client = await pool.connect();
  try {
    return await work(client);
  } finally {
    client.release();
  }
}
