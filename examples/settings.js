'use strict';

/**
 * Where the examples connect, all from the environment:
 *
 *   PGFLEET_HOST       server or pooler host                        default: the package's own default host
 *   PGFLEET_PORT       port of the session mode                     default: 5432
 *   PGFLEET_USER       role, `postgres.<project-ref>` at Supabase   required
 *   PGFLEET_PASSWORD   its password                                 needed wherever the server asks for one
 *   PGFLEET_DATABASE   database                                     default: postgres
 *   PGFLEET_SSL        `off` for a server without TLS               default: on
 *
 * An example with several databases reads the same names with the database's own name in the middle first
 * (PGFLEET_APP1_USER, PGFLEET_APP1_PASSWORD, ...) and falls back to the ones above.
 *
 * @param {string} [name] connection name, such as `app1`
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {Record<string, unknown>} what `addConnection` takes
 */
function connectionSettings(name, environment = process.env) {
  const read = (key) => {
    const own = name === undefined ? undefined : environment[`PGFLEET_${name.toUpperCase()}_${key}`];
    return own || environment[`PGFLEET_${key}`] || undefined;
  };
  const user = read('USER');
  if (!user) throw new Error('Set PGFLEET_USER in the environment (see examples/settings.js).');

  const config = {
    dbHost: read('HOST'),
    dbUser: user,
    dbPassword: read('PASSWORD'),
    dbName: read('DATABASE'),
  };
  if (read('PORT')) config.dbPort = Number(read('PORT'));
  if (read('SSL') === 'off') config.ssl = false;
  return config;
}

module.exports = { connectionSettings };
