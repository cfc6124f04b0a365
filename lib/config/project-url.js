'use strict';

/** `https://REF.supabase.co`, with whatever path; the database's own host too. */
const API =
  /^https?:\/\/(?:db\.)?([a-z0-9][a-z0-9-]*)\.supabase\.(?:co|in|net|red|green)(?::\d+)?(?:[/?#]|$)/i;

/** What the address bar shows in the dashboard. */
const DASHBOARD = /^https?:\/\/(?:app\.supabase\.com|supabase\.com\/dashboard)\/project\/([a-z0-9-]+)/i;

/**
 * The name of a project, from its URL.
 *
 * @param {unknown} url
 * @returns {string | null} null when it is none of Supabase's own
 */
function projectRef(url) {
  const text = String(url).trim();
  return (API.exec(text) ?? DASHBOARD.exec(text))?.[1].toLowerCase() ?? null;
}

const POOLER = /^[\w-]+\.pooler\.supabase\.[a-z]+\.?$/i;

/**
 * Whether a connection is to a pooler and doesn't tell it which project is meant: not by its user, `postgres.REF`, nor by
 * its options.
 *
 * @param {Record<string, unknown>} parts of a connection
 */
function isPoolerOfAny({ host, user, options }) {
  return (
    POOLER.test(String(host)) && !String(user ?? '').includes('.') && !/reference=/.test(String(options))
  );
}

module.exports = { isPoolerOfAny, projectRef };
