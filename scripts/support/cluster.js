'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { execFile } = require('node:child_process');
const { promisify } = require('node:util');
const { Client } = require('pg');

/**
 * @typedef {object} Role a login role besides the superuser
 * @property {string} name
 * @property {string} [password]
 * @property {'scram-sha-256' | 'md5' | 'password' | 'trust' | 'cert'} method how the server authenticates it
 */

/**
 * Runs initdb: a cluster with one superuser, SCRAM everywhere, UTF-8 and byte order.
 *
 * @param {string} initdb the program
 * @param {string} dataDirectory
 * @param {{ user: string, password: string }} superuser
 * @param {import('node:child_process').SpawnOptions} options account and environment to run it with
 */
async function initialiseCluster(initdb, dataDirectory, { user, password }, options) {
  const passwordFile = `${dataDirectory}-password`;
  fs.mkdirSync(dataDirectory, { mode: 0o700 });
  fs.writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (options.uid !== undefined) {
    fs.chownSync(dataDirectory, options.uid, options.gid);
    fs.chownSync(passwordFile, options.uid, options.gid);
  }
  try {
    await promisify(execFile)(
      initdb,
      [
        `--pgdata=${dataDirectory}`,
        `--username=${user}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--no-locale',
        '--no-sync',
      ],
      options,
    );
  } finally {
    fs.rmSync(passwordFile, { force: true });
  }
}

/**
 * Creates roles and databases. Single-user mode would do so without a client, but not with the rights of an
 * administrator of Windows.
 *
 * @param {import('pg').ClientConfig} superuser how to connect as a superuser
 * @param {{ roles: Role[], databases: string[] }} contents
 */
async function fillCluster(superuser, { roles, databases }) {
  const statements = [
    ...roles.flatMap(roleStatements),
    ...databases.map((name) => `CREATE DATABASE ${identifier(name)}`),
  ];
  if (statements.length === 0) return;
  // The server may be one whose settings make others read only.
  const client = new Client({ ...superuser, ssl: false, options: '-c default_transaction_read_only=off' });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function roleStatements({ name, password, method }) {
  if (password === undefined) return [`CREATE ROLE ${identifier(name)} LOGIN`];
  return [
    `SET password_encryption = ${method === 'md5' ? "'md5'" : "'scram-sha-256'"}`,
    `CREATE ROLE ${identifier(name)} LOGIN PASSWORD ${literal(password)}`,
  ];
}

/**
 * The host-based authentication rules: each role by its own method over every transport, all others by SCRAM.
 *
 * @param {Role[]} roles
 * @param {boolean} tls whether certificates can be asked for
 * @returns {string} the contents of pg_hba.conf
 */
function authenticationRules(roles, tls) {
  const rules = [
    ...roles.flatMap(({ name, method }) => {
      const user = identifier(name);
      if (method === 'cert') return tls ? [`hostssl all ${user} all cert`] : [];
      return [`local all ${user} ${method}`, `host all ${user} all ${method}`];
    }),
    'local all all scram-sha-256',
    'host all all all scram-sha-256',
    'local replication all scram-sha-256',
    'host replication all all scram-sha-256',
  ];
  return `${rules.join('\n')}\n`;
}

/**
 * @param {Record<string, string | number | boolean>} settings
 * @returns {string} lines for postgresql.conf
 */
function settingLines(settings) {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${literal(String(value))}\n`)
    .join('');
}

/**
 * The account that the server must run as: PostgreSQL refuses to run as root, and initdb wants an account
 * that has a name.
 *
 * @returns {{ uid?: number, gid?: number }} empty where the caller's own account will do
 */
function serverAccount() {
  if (process.platform === 'win32' || process.getuid() !== 0) return {};
  const accounts = fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const found = accounts.find((fields) => fields[0] === name);
    if (found) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  throw new Error("PostgreSQL doesn't run as root, and there is no account postgres or nobody to run it as");
}

const identifier = (name) => `"${name.replaceAll('"', '""')}"`;
const literal = (text) => `'${text.replaceAll("'", "''")}'`;

/** @param {string} dataDirectory @param {string} name @param {string} contents */
function writeClusterFile(dataDirectory, name, contents) {
  fs.writeFileSync(path.join(dataDirectory, name), contents);
}

module.exports = {
  authenticationRules,
  fillCluster,
  initialiseCluster,
  serverAccount,
  settingLines,
  writeClusterFile,
};
