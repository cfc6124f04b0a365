'use strict';

/**
 * What `supabaseQuery` is to ask for.
 *
 * @typedef {object} SupabaseQuery
 * @property {string} [select] columns; all by default
 * @property {Record<string, unknown>} [filter] values by columns, all of which have to be equal
 * @property {string} [order] a column
 * @property {number} [limit] rows
 */

/**
 * A client of Supabase's own package, as far as it is used here.
 *
 * @typedef {{ from: (table: string) => SupabaseRequest }} SupabaseClient
 */

/**
 * A request that is built step by step, and sent when it is awaited.
 *
 * @typedef {object} SupabaseRequest
 * @property {(columns: string) => SupabaseRequest} select
 * @property {(column: string, value: unknown) => SupabaseRequest} eq
 * @property {(column: string) => SupabaseRequest} order
 * @property {(rows: number) => SupabaseRequest} limit
 * @property {(settled: (answer: { data: unknown, error: Error | null }) => void) => unknown} then
 */

/**
 * @param {SupabaseClient} client
 * @param {string} table
 * @param {SupabaseQuery} query
 * @returns {Promise<unknown>} data
 */
async function askSupabase(client, table, { select, filter, order, limit }) {
  let request = client.from(table);
  // Without columns Supabase's own builder is no request yet.
  if (select || typeof request.then !== 'function') request = request.select(select || '*');
  for (const [column, value] of Object.entries(filter ?? {})) request = request.eq(column, value);
  if (order) request = request.order(order);
  if (limit) request = request.limit(limit);
  const { data, error } = await request;
  if (error) throw new Error(`Supabase query error: ${error.message}`, { cause: error });
  return data;
}

module.exports = { askSupabase };
