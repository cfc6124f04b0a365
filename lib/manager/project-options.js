'use strict';

const Client = require('../pg/client/client');
const { isGiven, shown } = require('../pg/settings/option');
const { projectAt } = require('../pg/settings/project');

/** @typedef {import('../pg/settings/project').SupabaseProject} SupabaseProject */

/** A name that can stand in a host and in the user of a pooler. */
const REF = /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i;
const REGION = /^[a-z]+(?:-[a-z]+)+-\d+$/;
const CLUSTER = /^[a-z]+-\d+$/;
const DIRECT_HOST = /^db\.([^.]+)\.supabase\.co\.?$/i;

/** The ports of a project's machine that the shared pooler has as well, in the same modes. */
const PORTS = [5432, 6543];

/**
 * Completes the options of a pool for a Supabase project: of one whose ref is given, and of one whose own machine is the
 * host, for networks that don't reach it.
 *
 * @param {import('./database-config').DatabaseConfig} config
 * @param {Record<string, unknown>} options made of it so far
 * @throws {TypeError} for a project that can't be
 */
function completeForProject(config, options) {
  const { ref } = config;
  if (!isGiven(ref) || options.connectionString) {
    preferDirect(options);
    return;
  }
  checkName('ref', ref, REF, 'the 20 letters before ".supabase.co" in the URL of the project');
  const host = givenHost(config) ?? clusterHost(config);
  if (host !== null && typeof host !== 'string') return;
  const user = options.user || 'postgres';
  if (host === null) {
    refuseCarried(config);
    options.user = userOf(user, ref);
    options.host = `db.${ref}.supabase.co`;
    options.supabaseProject = projectOf(config, options, 'first');
    return;
  }
  options.host = host;
  const direct = DIRECT_HOST.exec(host);
  if (direct !== null && direct[1].toLowerCase() !== ref.toLowerCase()) {
    throw new TypeError(`"${host}" is the machine of another project than "ref" names (${shown(ref)})`);
  }
  options.user = direct === null ? userOf(user, ref) : roleOf(user, ref);
  options.supabaseProject = projectOf(config, options, canFallBack(options) ? 'last' : 'never');
}

/**
 * Notes the project whose own machine is the host.
 *
 * @param {Record<string, unknown>} options
 */
function preferDirect(options) {
  // A copy of a pool's options knows its project.
  if (projectAt(options.supabaseProject, options.host)) return;
  if (!canFallBack(options)) return;
  const [, ref] = /** @type {RegExpExecArray} */ (DIRECT_HOST.exec(String(options.host)));
  const project = projectOf({ ref: ref.toLowerCase() }, options, 'last');
  options.supabaseProject = { ...project, byRef: false };
}

/**
 * Whether a project's machine is the host, and its pooler could take the machine's place.
 *
 * @param {Record<string, unknown>} options
 */
function canFallBack({ host, port, ...others }) {
  const direct = DIRECT_HOST.exec(String(host));
  return direct !== null && REF.test(direct[1]) && PORTS.includes(Number(port)) && !isCarried(others);
}

/**
 * @param {Record<string, unknown>} config
 * @param {Record<string, unknown>} options
 * @param {SupabaseProject['search']} search
 * @returns {SupabaseProject}
 */
function projectOf(config, options, search) {
  const [ref, home] = [String(config.ref), String(options.host)];
  const { region, cluster } = search === 'never' ? { region: null, cluster: null } : placesOf(config);
  return { ref, region, cluster, search, byRef: true, home, host: home };
}

/** @param {import('./database-config').DatabaseConfig} config */
function givenHost({ dbHost, host }) {
  return [dbHost, host].find(isGiven) ?? null;
}

/**
 * @param {import('./database-config').DatabaseConfig} config
 * @returns {string | null} null when it has to be found
 */
function clusterHost(config) {
  const { region, cluster } = placesOf(config);
  return region === null || cluster === null ? null : `${cluster}-${region}.pooler.supabase.com`;
}

/** @param {import('./database-config').DatabaseConfig} config */
function placesOf(config) {
  return { region: regionOf(config), cluster: clusterOf(config) };
}

/** @param {import('./database-config').DatabaseConfig} config */
function regionOf({ region }) {
  if (!isGiven(region)) return null;
  checkName('region', region, REGION, 'one such as "eu-central-1"');
  return region;
}

/**
 * @param {import('./database-config').DatabaseConfig} config
 * @returns {string | null} as in a pooler's host
 */
function clusterOf({ cluster }) {
  if (!isGiven(cluster)) return null;
  if (typeof cluster === 'number' && Number.isInteger(cluster) && cluster >= 0) return `aws-${cluster}`;
  if (typeof cluster === 'string' && /^\d+$/.test(cluster)) return `aws-${cluster}`;
  checkName('cluster', cluster, CLUSTER, 'a number, or a name such as "aws-1"');
  return cluster;
}

/**
 * The user by whom a pooler tells the project.
 *
 * @param {unknown} user
 * @param {string} ref
 * @returns {unknown} what isn't a name as it is: it is refused where it is used
 */
function userOf(user, ref) {
  return typeof user !== 'string' || user.endsWith('.' + ref) ? user : `${user}.${ref}`;
}

/**
 * The user as the project's own machine knows it.
 *
 * @param {unknown} user
 * @param {string} ref
 */
function roleOf(user, ref) {
  return typeof user === 'string' && user.endsWith('.' + ref) ? user.slice(0, -ref.length - 1) : user;
}

/**
 * @param {string} name of the option
 * @param {unknown} value
 * @param {RegExp} form
 * @param {string} expected
 * @returns {asserts value is string}
 * @throws {TypeError}
 */
function checkName(name, value, form, expected) {
  if (typeof value === 'string' && form.test(value)) return;
  // It may be the password, in the wrong place.
  const got = typeof value === 'string' ? `a string of ${value.length} characters` : shown(value);
  throw new TypeError(`"${name}" must be ${expected}, got ${got}`);
}

/**
 * Whether the way to the server is the program's own.
 *
 * @param {Record<string, unknown>} config
 */
function isCarried({ stream, connection, Client: Other }) {
  return Boolean(stream || connection || isForeign(Other));
}

/** @param {unknown} Other a class of clients */
function isForeign(Other) {
  return typeof Other === 'function' && Other !== Client && !(Other.prototype instanceof Client);
}

/**
 * @param {import('./database-config').DatabaseConfig} config
 * @throws {TypeError}
 */
function refuseCarried(config) {
  const name = ['stream', 'connection'].find((key) => config[key]) ?? (isForeign(config.Client) && 'Client');
  if (!name) return;
  throw new TypeError(
    `"${name}" can't be used with "ref" alone, whose pooler is found by connections of this package: ` +
      'say "dbHost" as well, or "region" and "cluster"',
  );
}

module.exports = { completeForProject };
