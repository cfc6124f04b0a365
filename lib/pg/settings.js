'use strict';

const TARGETS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'];
const CHANNEL_BINDINGS = ['disable', 'prefer', 'require'];

const SERVER_TIMEOUTS = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];

// The server would be asked for so much work at each login; node-postgres's limit.
const SCRAM_MAX_ITERATIONS = 100000;

/**
 * A value as it may stand in a message: strings quoted, long ones and objects only by their kind.
 *
 * @param {any} value
 */
function shown(value) {
  if (typeof value === 'string') return value.length > 40 ? 'a string' : JSON.stringify(value);
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

/**
 * @param {string} name
 * @param {any} value
 * @returns {string}
 */
function text(name, value) {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') throw new TypeError(`"${name}" must be a string, got ${shown(value)}`);
  if (value.includes('\0')) throw new TypeError(`"${name}" must not contain a zero byte`);
  return value;
}

/**
 * A count or a duration. Numeric strings are taken, and what JavaScript calls false (and NaN) means "not set", since
 * programs pass `parseInt(process.env.X)` and node-postgres lets them.
 *
 * @param {string} name
 * @param {any} value
 * @param {number} [fallback]
 * @returns {number} Infinity is allowed
 * @throws {TypeError}
 */
function amount(name, value, fallback = 0) {
  if (!value) return fallback;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number) || number < 0) {
    throw new TypeError(`"${name}" must be a number that isn't negative, got ${shown(value)}`);
  }
  return number;
}

/**
 * A timeout that the server keeps, in milliseconds. As in node-postgres what follows the digits doesn't count.
 *
 * @param {string} name
 * @param {any} value
 * @throws {TypeError}
 */
function checkServerTimeout(name, value) {
  if (value && !(parseInt(value, 10) >= 0)) {
    throw new TypeError(`"${name}" must be a number of milliseconds, got ${shown(value)}`);
  }
}

/**
 * @param {any} value
 * @returns {number}
 * @throws {TypeError}
 */
function port(value) {
  const number = typeof value === 'string' && /^\s*\d+\s*$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > 65535) {
    throw new TypeError(`"port" must be a whole number from 1 to 65535, got ${shown(value)}`);
  }
  return number;
}

/**
 * `h1,h2` with one port for all or one for each.
 *
 * @param {any} hostOption
 * @param {any} portOption
 * @returns {{ host: string, port: number }[]}
 */
function hostList(hostOption, portOption) {
  const names = text('host', hostOption).split(',');
  const ports =
    typeof portOption === 'string' && portOption.includes(',') ? portOption.split(',') : [portOption];
  if (ports.length > 1 && ports.length !== names.length) {
    throw new TypeError(`"port" lists ${ports.length} ports for ${names.length} hosts`);
  }
  return names.map((name, i) => {
    const own = ports.length === 1 ? ports[0] : ports[i].trim() || 5432;
    return { host: name.trim() || 'localhost', port: port(own) };
  });
}

/**
 * @param {string} name
 * @param {any} value
 * @param {string[]} allowed
 */
function oneOf(name, value, allowed) {
  if (!allowed.includes(value)) {
    throw new TypeError(`"${name}" must be one of ${allowed.join(', ')}, got ${shown(value)}`);
  }
  return value;
}

/**
 * PEM text from any of the forms Node's `tls` takes.
 *
 * @param {string} name
 * @param {any} value
 * @returns {string | null}
 */
function pem(name, value) {
  if (value === undefined || value === null || value === '') return null;
  const list = Array.isArray(value) ? value : [value];
  const parts = list.map((part) => {
    if (typeof part === 'string') return part;
    if (ArrayBuffer.isView(part))
      return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('latin1');
    if (part !== null && typeof part === 'object' && part.pem !== undefined) return String(part.pem);
    throw new TypeError(`"ssl.${name}" must be PEM text, a Buffer or an array of them, got ${shown(part)}`);
  });
  return parts.join('\n');
}

/**
 * A `checkServerIdentity` of the caller replaces the check of the host name. Certificates stay on the native side, so
 * only one that accepts everything can be honoured; it is told apart by what it says to a certificate without any name.
 *
 * @param {any} check
 * @param {string} host
 * @returns {boolean} whether the native check of the host name stays on
 */
function keepsIdentityCheck(check, host) {
  if (check === undefined || check === null) return true;
  if (typeof check !== 'function') {
    throw new TypeError(`"ssl.checkServerIdentity" must be a function, got ${shown(check)}`);
  }
  let verdict;
  try {
    verdict = check(host, { subject: {}, issuer: {}, subjectaltname: '', raw: Buffer.alloc(0) });
  } catch (error) {
    verdict = error;
  }
  if (verdict !== undefined) {
    throw new TypeError(
      '"ssl.checkServerIdentity" can only switch the check of the host name off; to pin a server, pass its certificate as "ssl.ca"',
    );
  }
  return false;
}

/**
 * @param {any} ssl
 * @param {string} negotiation
 * @param {string} host
 */
function tlsSettings(ssl, negotiation, host) {
  if (!ssl) return null;
  if (ssl !== true && typeof ssl !== 'object') {
    throw new TypeError(`"ssl" must be true, false or an object, got ${shown(ssl)}`);
  }
  const given = ssl === true ? {} : ssl;
  if (given.pfx || given.secureContext) {
    throw new TypeError(
      '"ssl.pfx" and "ssl.secureContext" are not supported; pass "ssl.cert" and "ssl.key" as PEM',
    );
  }
  const ca = pem('ca', given.ca);
  const key = Array.isArray(given.key) ? given.key[0] : given.key;
  return {
    rejectUnauthorized: given.rejectUnauthorized !== false,
    ca: ca === null ? null : [ca],
    cert: pem('cert', given.cert),
    key: pem('key', key),
    passphrase: given.passphrase || (key && key.passphrase) || null,
    servername: given.servername ? text('ssl.servername', given.servername) : null,
    checkServerIdentity: keepsIdentityCheck(given.checkServerIdentity, host),
    negotiation,
    prefer: false,
  };
}

/**
 * The plain object a native connection is opened with: everything checked, nothing left to look up.
 *
 * @param {import('./connection-parameters')} parameters
 * @param {object} client what is the client's own rather than its parameters'
 * @param {Record<string, any>} client.startup the parameters of the startup message
 * @param {any} client.host
 * @param {any} client.ports one port, or as many as there are hosts
 * @param {any} client.password
 * @param {any} client.user
 * @param {any} client.database
 * @param {any} client.ssl
 * @param {boolean | undefined} client.enableChannelBinding
 * @param {number} client.scramMaxIterations
 * @param {any} client.connectionTimeoutMillis
 * @param {any} client.keepAlive
 * @param {any} client.keepAliveInitialDelayMillis
 * @throws {TypeError} for a value its option can't take
 */
function toSettings(parameters, client) {
  const hosts = hostList(client.host, client.ports);
  const { password } = client;
  const asked = typeof password === 'function' || password === null || password === undefined;
  const startup = [];
  for (const name of SERVER_TIMEOUTS) checkServerTimeout(name, /** @type {any} */ (parameters)[name]);
  for (const [name, value] of Object.entries(client.startup)) {
    if (name !== 'user' && name !== 'database') startup.push([name, text(name, value)]);
  }
  // Everything this side reads and writes is UTF-8, whatever the configuration says; as in node-postgres.
  startup.push(['client_encoding', 'UTF8']);
  const binding = client.enableChannelBinding === false ? 'disable' : 'prefer';
  return {
    hosts,
    user: text('user', client.user),
    database: text('database', client.database),
    password: asked ? null : text('password', password),
    passwordProvider: asked,
    ssl: tlsSettings(client.ssl, parameters.sslnegotiation || 'postgres', hosts[0].host),
    startup,
    connectTimeoutMillis: amount('connectionTimeoutMillis', client.connectionTimeoutMillis),
    keepAlive: Boolean(client.keepAlive),
    keepAliveInitialDelayMillis: amount('keepAliveInitialDelayMillis', client.keepAliveInitialDelayMillis),
    channelBinding: parameters.channelBinding
      ? oneOf('channel_binding', parameters.channelBinding, CHANNEL_BINDINGS)
      : binding,
    scramMaxIterations: client.scramMaxIterations,
    targetSessionAttrs: oneOf('target_session_attrs', parameters.targetSessionAttrs || 'any', TARGETS),
  };
}

/**
 * @param {Record<string, any>} options a pool's
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
    shared: Boolean(options.shared),
  };
}

/** @param {any} value */
function scramIterations(value) {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : SCRAM_MAX_ITERATIONS;
}

module.exports = { toSettings, toPoolOptions, amount, port, scramIterations, shown };
