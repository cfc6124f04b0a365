'use strict';

/**
 * The Supabase project of a pool that a manager has made of a project's ref: an option of the pool, so that copies of its
 * options have it as well.
 *
 * @typedef {object} SupabaseProject
 * @property {string} ref
 * @property {string | null} region where it is known
 * @property {string | null} cluster of the region, such as `aws-1`, where it is known
 * @property {boolean} prefersDirect whether the project's own machine is to be tried first
 * @property {string} home the project's machine, which stands for the host until the pooler is found
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
 * @returns {import('../../native/addon').Project | null}
 */
function projectSettings(project) {
  if (project === null) return null;
  const { ref, region, cluster, prefersDirect } = project;
  return { ref, region, cluster, prefersDirect };
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
  if (!project.prefersDirect && projectAt(project, options.host)) options.host = host;
  client.host = host;
  project.host = host;
}

module.exports = { noteHost, projectAt, projectSettings };
