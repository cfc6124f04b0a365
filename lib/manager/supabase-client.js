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
  const supabase = /** @type {{ createClient: (url: unknown, key: unknown) => SupabaseClient }} */ (
    requirePeer('@supabase/supabase-js', 'A Supabase client')
  );
  const key = isReference(supabaseKey) ? readReferenceNow(supabaseKey, 'supabaseKey') : supabaseKey;
  return supabase.createClient(supabaseUrl, key);
}

module.exports = { isSupabaseProject, makeSupabaseClient };
