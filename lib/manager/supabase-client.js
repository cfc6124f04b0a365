'use strict';

const { isReference, readReferenceNow } = require('../config/reference');
const { requirePeer } = require('./peer');

/** @typedef {import('./supabase-query').SupabaseClient} SupabaseClient */

/**
 * @param {{ supabaseUrl: unknown, supabaseKey: unknown }} entry
 * @returns {boolean} whether it says where a project's API is
 */
function isSupabaseProject({ supabaseUrl, supabaseKey }) {
  return Boolean(supabaseUrl && supabaseKey);
}

/**
 * @param {{ supabaseUrl: unknown, supabaseKey: unknown }} entry
 * @returns {SupabaseClient}
 * @throws {Error} when the package isn't installed, and it says which one; when the key is a reference that leads nowhere
 */
function makeSupabaseClient({ supabaseUrl, supabaseKey }) {
  const supabase = /** @type {{ createClient: (...values: unknown[]) => SupabaseClient }} */ (
    requirePeer('@supabase/supabase-js', 'A Supabase client')
  );
  const key = isReference(supabaseKey) ? readReferenceNow(supabaseKey, 'supabaseKey') : supabaseKey;
  return supabase.createClient(supabaseUrl, key, ...furtherOptions());
}

/**
 * Node.js below 22 has no WebSocket, without which no client is made: it takes the one of `ws`, where that is installed.
 *
 * @returns {object[]} at most one
 */
function furtherOptions() {
  if ('WebSocket' in globalThis) return [];
  const transport = installed('ws');
  return transport === undefined ? [] : [{ realtime: { transport } }];
}

/** @param {string} name of a package */
function installed(name) {
  try {
    return requirePeer(name, 'A Supabase client');
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

module.exports = { isSupabaseProject, makeSupabaseClient };
