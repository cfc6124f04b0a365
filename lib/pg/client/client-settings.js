'use strict';

const { PROJECT_CARRIED } = require('../../texts');
const { projectAt, projectSettings } = require('../settings/project');
const { SERVER_TIMEOUTS, serverMillis, toSettings } = require('../settings/settings');

/** @import Client from './client' */

/**
 * What the native side needs to know of a client to connect it.
 *
 * @param {Client} client
 * @throws {TypeError} for a value its option can't take
 */
function settingsOf(client) {
  const parameters = client.connectionParameters;
  const project = projectAt(client._given.supabaseProject, client.host);
  if (project !== null && client._isCarried && project.search === 'first')
    throw new TypeError(PROJECT_CARRIED);
  const { enableChannelBinding, autoPrepare, busyWait, poolMode, keepAlive, keepAliveInitialDelayMillis } =
    client._given;
  return toSettings(parameters, {
    startup: client.getStartupConf(),
    // Whichever pooler was found: settings for the same project are the same.
    host: project === null ? client.host : project.home,
    project: projectSettings(project),
    byRef: project !== null && project.byRef,
    ports: Object.is(client.port, parameters.port) ? parameters.ports : client.port,
    user: client.user,
    database: client.database,
    password: client.password,
    ssl: client.ssl,
    isCarried: client._isCarried,
    enableChannelBinding,
    // A replication connection has no extended protocol.
    autoPrepare: autoPrepare && !client.replication,
    busyWait,
    poolMode,
    scramMaxIterations: client.scramMaxIterations,
    connectionTimeoutMillis: client._connectionTimeoutMillis,
    keepAlive,
    keepAliveInitialDelayMillis,
  });
}

/**
 * The parameters of the startup message.
 *
 * @param {import('../settings/connection-parameters')} parameters
 */
function startupOf(parameters) {
  /** @type {Record<string, string | undefined>} */
  const startup = { user: parameters.user, database: parameters.database };
  const applicationName = parameters.application_name || parameters.fallback_application_name;
  if (applicationName) startup.application_name = applicationName;
  if (parameters.replication) startup.replication = '' + parameters.replication;
  for (const name of SERVER_TIMEOUTS) {
    const value = parameters[name];
    if (value) startup[name] = String(serverMillis(value));
  }
  if (parameters.options) startup.options = parameters.options;
  return startup;
}

module.exports = { settingsOf, startupOf };
