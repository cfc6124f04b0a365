'use strict';

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
 * @throws {Error} when the package isn't installed; it says which one
 */
function makeSupabaseClient({ supabaseUrl, supabaseKey }) {
  const supabase = /** @type {{ createClient: (url: unknown, key: unknown) => SupabaseClient }} */ (
    requirePeer('@supabase/supabase-js', 'A Supabase client')
  );
  return supabase.createClient(supabaseUrl, supabaseKey);
}

module.exports = { isSupabaseProject, makeSupabaseClient };
