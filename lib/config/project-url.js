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

module.exports = { projectRef };
