'use strict';

/**
 * The Supabase project of a pool that a manager has made of a project's ref: an option of the pool, so that copies of its
 * options have it as well.
 *
 * @typedef {object} SupabaseProject
 * @property {string} ref
 * @property {string | null} region where it is known
 * @property {string | null} cluster of the region, such as `aws-1`, where it is known
 * @property {'first' | 'last' | 'never'} search when the pooler is searched for: at once, where the project's own machine
 *   can't be reached, or never, since the host is known
 * @property {boolean} byRef whether the program has given the ref
 * @property {string} home the host until another is found: the project's machine, or the known one
 * @property {string} host the host that was connected to last
 */

/**
 * Whether the host is still to be found. One that the program has put in the place of the project's own counts.
 *
 * @param {unknown} given
 * @param {unknown} host the client's or the pool's
 * @returns {SupabaseProject | null}
 */
function projectAt(given, host) {
  if (given === null || typeof given !== 'object') return null;
  const project = /** @type {SupabaseProject} */ (given);
  if (typeof project.ref !== 'string' || typeof host !== 'string') return null;
  return host === project.home || host === project.host ? project : null;
}

/**
 * What the native side finds the pooler by.
 *
 * @param {SupabaseProject | null} project
 * @returns {import('../../native/addon').Project | null} null where there is nothing to find
 */
function projectSettings(project) {
  if (project === null || project.search === 'never') return null;
  const { ref, region, cluster, search } = project;
  return { ref, region, cluster, prefersDirect: search === 'last' };
}

/**
 * Notes where a project was reached. Options that name its machine stay as the program has written them.
 *
 * @param {{ host?: string }} client
 * @param {{ host?: string, supabaseProject?: unknown }} options the pool's
 * @param {string} host
 */
function noteHost(client, options, host) {
  const project = projectAt(options.supabaseProject, client.host);
  if (project === null) return;
  if (project.search === 'first' && projectAt(project, options.host)) options.host = host;
  client.host = host;
  project.host = host;
}

module.exports = { noteHost, projectAt, projectSettings };
