'use strict';

// The one list of what may stand in a configuration: tests hold the declarations and the README's table against it.

/** How a connection is made: `Client` takes them as well. */
const CLIENT_KEYS = [
  'application_name',
  'autoPrepare',
  'binary',
  'busyWait',
  'cancelTimeoutMillis',
  'channel_binding',
  'client_encoding',
  'connectionString',
  'connectionTimeoutMillis',
  'database',
  'enableChannelBinding',
  'fallback_application_name',
  'host',
  'idle_in_transaction_session_timeout',
  'keepAlive',
  'keepAliveInitialDelayMillis',
  'lock_timeout',
  'options',
  'password',
  'pipeline',
  'port',
  'query_timeout',
  'replication',
  'require_auth',
  'scramMaxIterations',
  'ssl',
  'sslnegotiation',
  'statement_timeout',
  'stream',
  'target_session_attrs',
  'types',
  'user',
];

/** What `Pool` takes besides. */
const POOL_KEYS = [
  'Client',
  'Promise',
  'allowExitOnIdle',
  'idleTimeoutMillis',
  'leakTimeoutMillis',
  'log',
  'max',
  'maxLifetimeSeconds',
  'maxUses',
  'maxWaiting',
  'min',
  'onConnect',
  'pipelineDepth',
  'poolMode',
  'shared',
  'sharing',
  'verify',
];

/** What only a manager takes. */
const MANAGER_KEYS = [
  'anonKey',
  'appName',
  'cluster',
  'dbHost',
  'dbName',
  'dbPassword',
  'dbPort',
  'dbUser',
  'projectUrl',
  'purpose',
  'ref',
  'region',
  'serviceRoleKey',
  'supabaseKey',
  'supabaseUrl',
  'url',
];

/** What says how a manager treats a database, and not where it is. */
const ENTRY_KEYS = ['groups', 'policy', 'schema', 'tags'];

/** Of the configuration of a database. */
const DATABASE_KEYS = [...CLIENT_KEYS, ...POOL_KEYS, ...MANAGER_KEYS, ...ENTRY_KEYS];

/** Of a configuration file. */
const FILE_KEYS = ['databases', 'defaults', 'discover', 'groups', 'migrations', 'policy'];

const DISCOVER_KEYS = ['database', 'map', 'sql'];
const MAP_KEYS = ['config', 'name'];

const MIGRATIONS_KEYS = [
  'checksum',
  'databases',
  'dir',
  'history',
  'layout',
  'lockBudget',
  'lockTimeout',
  'migrations',
  'order',
  'placeholders',
  'repeatable',
  'retries',
  'statementTimeout',
];

/** Of a table that keeps what was applied. */
const HISTORY_KEYS = ['table'];
/** Of a migration that stands in the configuration itself. */
const MIGRATION_KEYS = ['backfill', 'down', 'name', 'sql', 'transaction', 'up', 'version'];
const BACKFILL_KEYS = ['batchMillis', 'key', 'maxReplicaLagMillis', 'maxRows', 'update'];

/** Options of `tls.connect`; those that pgfleet refuses are refused when they are used. */
const TLS_KEYS = [
  'ALPNCallback',
  'ALPNProtocols',
  'SNICallback',
  'allowPartialTrustChain',
  'ca',
  'cert',
  'certificateCompression',
  'checkServerIdentity',
  'ciphers',
  'clientCertEngine',
  'crl',
  'dhparam',
  'ecdhCurve',
  'enableTrace',
  'honorCipherOrder',
  'host',
  'key',
  'lookup',
  'maxVersion',
  'minDHSize',
  'minVersion',
  'passphrase',
  'path',
  'pfx',
  'port',
  'privateKeyEngine',
  'privateKeyIdentifier',
  'pskCallback',
  'rejectUnauthorized',
  'requestCert',
  'requestOCSP',
  'secureContext',
  'secureOptions',
  'secureProtocol',
  'servername',
  'session',
  'sessionIdContext',
  'sessionTimeout',
  'sigalgs',
  'socket',
  'ticketKeys',
  'timeout',
];

/** Those that may be references, each with what else its objects have. */
const TLS_SECRET_KEYS = {
  ca: [],
  cert: [],
  key: ['passphrase', 'pem'],
  passphrase: [],
  pfx: ['buf', 'passphrase'],
};

module.exports = {
  BACKFILL_KEYS,
  DATABASE_KEYS,
  DISCOVER_KEYS,
  FILE_KEYS,
  HISTORY_KEYS,
  MAP_KEYS,
  MIGRATIONS_KEYS,
  MIGRATION_KEYS,
  TLS_KEYS,
  TLS_SECRET_KEYS,
};
