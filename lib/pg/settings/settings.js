'use strict';

const { amount, flag, isLikeUrl, nameText, oneOf, port, shown, text } = require('./option');
const { requiredAuth } = require('./required-auth');
const { checkCarriedTls, tlsSettings } = require('./tls-settings');

/** @typedef {import('../../native/addon').PoolOptions} PoolOptions */

const TARGETS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'];
const SHARINGS = ['reads', 'all', 'none'];
const POOL_MODES = ['session', 'transaction'];
const CHANNEL_BINDINGS = ['disable', 'prefer', 'require'];

/** @type {('statement_timeout' | 'lock_timeout' | 'idle_in_transaction_session_timeout')[]} */
const SERVER_TIMEOUTS = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];

/** What the server's parameters of this kind can take, in milliseconds. */
const MOST_SERVER_MILLIS = 2 ** 31 - 1;

// The server could ask for so much work at each login; node-postgres's limit.
const SCRAM_MAX_ITERATIONS = 100000;

/**
 * A timeout that the server keeps, in milliseconds. As in node-postgres what follows the digits of a text doesn't
 * count.
 *
 * @param {unknown} value
 * @returns {number} 0 is none
 */
function serverMillis(value) {
  if (typeof value !== 'number') return parseInt(String(value), 10);
  // 0 would mean no limit.
  return value === Infinity ? 0 : Math.ceil(value);
}

/**
 * @param {string} name
 * @param {unknown} value
 * @throws {TypeError}
 */
function checkServerTimeout(name, value) {
  if (!value) return;
  const millis = serverMillis(value);
  if (!(millis >= 0 && millis <= MOST_SERVER_MILLIS)) {
    throw new TypeError(
      `"${name}" must be a number of milliseconds from 0 to ${MOST_SERVER_MILLIS}, got ${shown(value)}`,
    );
  }
}

/**
 * `h1,h2` with one port for all or one for each.
 *
 * @param {unknown} hostOption
 * @param {unknown} portOption
 * @returns {{ host: string, port: number }[]}
 */
function hostList(hostOption, portOption) {
  const names = nameText('host', hostOption).split(',');
  const ports =
    typeof portOption === 'string' && portOption.includes(',') ? portOption.split(',') : [portOption];
  if (ports.length > 1 && ports.length !== names.length) {
    throw new TypeError(`"port" lists ${ports.length} ports for ${names.length} hosts`);
  }
  return names.map((name, i) => {
    const own = ports.length === 1 ? ports[0] : String(ports[i]).trim() || 5432;
    return { host: name.trim() || 'localhost', port: port(own) };
  });
}

/**
 * The plain object a native connection is opened with: everything checked, nothing left to look up.
 *
 * @param {import('./connection-parameters')} parameters
 * @param {object} client what is the client's own rather than its parameters'
 * @param {Record<string, unknown>} client.startup the parameters of the startup message
 * @param {unknown} client.host
 * @param {import('../../native/addon').Project | null} client.project
 * @param {boolean} client.byRef whether the program has given a project's ref
 * @param {unknown} client.ports one port, or as many as there are hosts
 * @param {unknown} client.password
 * @param {unknown} client.user
 * @param {unknown} client.database
 * @param {unknown} client.ssl
 * @param {boolean} client.isCarried whether the way to the server is the caller's, with TLS by Node
 * @param {boolean | undefined} client.enableChannelBinding
 * @param {string | null} client.poolMode
 * @param {boolean} client.autoPrepare
 * @param {boolean} client.busyWait
 * @param {number} client.scramMaxIterations
 * @param {unknown} client.connectionTimeoutMillis
 * @param {unknown} client.keepAlive
 * @param {unknown} client.keepAliveInitialDelayMillis
 * @returns {import('../../native/addon').Settings}
 * @throws {TypeError} for a value its option can't take
 */
function toSettings(parameters, client) {
  const hosts = hostList(client.host, client.ports);
  const { password } = client;
  const asked = typeof password === 'function' || password === null || password === undefined;
  /** @type {[name: string, value: string][]} */
  const startup = [];
  for (const name of SERVER_TIMEOUTS) checkServerTimeout(name, parameters[name]);
  amount('query_timeout', parameters.query_timeout);
  for (const [name, value] of Object.entries(client.startup)) {
    if (name !== 'user' && name !== 'database') startup.push([name, text(name, value)]);
  }
  // All text is read and written as UTF-8, whatever the configuration says; as in node-postgres.
  startup.push(['client_encoding', 'UTF8']);
  const binding = client.enableChannelBinding === false ? 'disable' : 'prefer';
  const auth = requiredAuth(parameters.requireAuth);
  return {
    hosts,
    project: client.project,
    byRef: client.byRef,
    user: nameText('user', client.user),
    database: nameText('database', client.database),
    // A password that isn't a string counts as none: SCRAM then fails with node-postgres's message.
    password: typeof password === 'string' ? text('password', password) : null,
    passwordProvider: asked,
    ssl: client.isCarried
      ? checkCarriedTls(client.ssl)
      : tlsSettings(client.ssl, parameters.sslnegotiation || 'postgres', hosts[0].host),
    startup,
    connectTimeoutMillis: amount('connectionTimeoutMillis', client.connectionTimeoutMillis),
    keepAlive: Boolean(client.keepAlive),
    keepAliveInitialDelayMillis: amount('keepAliveInitialDelayMillis', client.keepAliveInitialDelayMillis),
    channelBinding: parameters.channelBinding
      ? oneOf('channel_binding', parameters.channelBinding, CHANNEL_BINDINGS)
      : binding,
    requireAuth: auth && auth.text,
    allowedAuth: auth && auth.allowed,
    poolMode: client.poolMode,
    autoPrepare: client.autoPrepare,
    busyWait: client.busyWait,
    // 0 is no limit, as in node-postgres.
    scramMaxIterations: amount('scramMaxIterations', client.scramMaxIterations) || null,
    targetSessionAttrs: oneOf('target_session_attrs', parameters.targetSessionAttrs || 'any', TARGETS),
  };
}

/**
 * @param {{ [name in keyof PoolOptions]?: unknown }} options a pool's
 * @returns {PoolOptions}
 * @throws {TypeError} for a value its option can't take
 */
function toPoolOptions(options) {
  return {
    max: amount('max', options.max, 10),
    min: amount('min', options.min),
    idleTimeoutMillis: amount('idleTimeoutMillis', options.idleTimeoutMillis),
    connectionTimeoutMillis: amount('connectionTimeoutMillis', options.connectionTimeoutMillis),
    maxUses: amount('maxUses', options.maxUses, Infinity),
    maxLifetimeSeconds: amount('maxLifetimeSeconds', options.maxLifetimeSeconds),
    maxWaiting: amount('maxWaiting', options.maxWaiting, Infinity),
    pipelineDepth:
      options.pipelineDepth === undefined ? undefined : amount('pipelineDepth', options.pipelineDepth),
    sharing: sharing(options.sharing),
    shared: Boolean(options.shared),
  };
}

/**
 * Which of a pool's own queries may share a connection.
 *
 * @param {unknown} value
 * @returns {string | null} null when it isn't set: then it depends on the port
 * @throws {TypeError}
 */
function sharing(value) {
  return value === undefined || value === null ? null : oneOf('sharing', value, SHARINGS);
}

/**
 * How long a pooler before the server lends a server connection.
 *
 * @param {unknown} value
 * @returns {string | null} null when it isn't set: then it is found out
 * @throws {TypeError}
 */
function poolMode(value) {
  return value === undefined || value === null ? null : oneOf('poolMode', value, POOL_MODES);
}

/** @param {unknown} value */
function scramIterations(value) {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && !Number.isNaN(number) ? number : SCRAM_MAX_ITERATIONS;
}

module.exports = {
  SERVER_TIMEOUTS,
  toSettings,
  toPoolOptions,
  amount,
  flag,
  isLikeUrl,
  poolMode,
  port,
  scramIterations,
  sharing,
  serverMillis,
  shown,
};
