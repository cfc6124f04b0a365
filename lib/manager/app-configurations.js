'use strict';

const { readFile } = require('node:fs/promises');
const path = require('node:path');

/** @typedef {import('./database-config').DatabaseConfig} DatabaseConfig */

/**
 * The app's configurations: one database of the environment, and those of `config/databases.json` of the working
 * directory over it.
 *
 * @param {(url: string | undefined) => string | null} hostOf the database server of a project
 * @returns {Promise<Record<string, DatabaseConfig>>}
 */
async function loadConfigurations(hostOf) {
  const { env } = process;
  const projectUrl = env.SUPABASE_URL || env.NEXT_PUBLIC_SUPABASE_URL;
  const ofEnvironment = {
    projectUrl,
    anonKey: env.SUPABASE_ANON_KEY || env.NEXT_PUBLIC_SUPABASE_ANON_KEY,
    serviceRoleKey: env.SUPABASE_SERVICE_ROLE_KEY,
    dbHost: hostOf(projectUrl),
    dbPort: 5432,
    dbUser: 'postgres',
    dbPassword: env.SUPABASE_DB_PASSWORD,
    dbName: 'postgres',
  };
  return { ehg_engineer: ofEnvironment, ...(await readConfigurations()) };
}

/** @returns {Promise<Record<string, DatabaseConfig>>} of the file; none where it is missing or can't be read as such */
async function readConfigurations() {
  try {
    const text = await readFile(path.join(process.cwd(), 'config', 'databases.json'), 'utf8');
    const given = JSON.parse(text.replace(/^\uFEFF/, ''));
    return given !== null && typeof given === 'object' && !Array.isArray(given) ? given : {};
  } catch {
    // The environment alone is enough, as in the app.
    return {};
  }
}

/**
 * @param {unknown} url of a Supabase project, `https://REF.supabase.co`
 * @returns {string | null} the name of its database server; null for any other URL
 */
function supabaseHost(url) {
  const [, ref] = (typeof url === 'string' && /https:\/\/([^./]+)\.supabase\.co/.exec(url)) || [];
  return ref === undefined ? null : `db.${ref}.supabase.co`;
}

module.exports = { loadConfigurations, supabaseHost };
