// The demo: `npm run demo`.
//
// Runs the programs in examples/ against three databases and shows each step with the time it took. Without
// further ado it starts a PostgreSQL of its own, on 127.0.0.1 and in a temporary directory, and removes it at
// the end. With DATABASE_URL, or PGHOST and its companions (PGPORT, PGUSER, PGPASSWORD, PGDATABASE,
// PGSSLMODE), it uses that server: there everything happens inside schemas named pgfleet_demo_…, which it
// makes and drops; nothing outside of them is touched. PGSSLMODE=disable is for a server without TLS.

import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';

const require = createRequire(import.meta.url);

const LABEL_WIDTH = 64;
const APP_NAMES = ['app1', 'app2', 'app3'];

const coloured = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
const paint = (code) => (text) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);
const bold = paint('1');
const dim = paint('2');
const green = paint('32');
const red = paint('31');
const yellow = paint('33');

const show = (line = '') => console.log(line);

/** Runs one step and prints it on one line: mark, what, how long. */
async function step(label, work) {
  const started = performance.now();
  try {
    const { value, note } = await work();
    printStep(green('✓'), label, performance.now() - started, note);
    return value;
  } catch (error) {
    const expected = error.code === '23505'; // a version that is applied already: part of the plot
    printStep(expected ? yellow('•') : red('✗'), label, performance.now() - started, error.message);
    throw error;
  }
}

function printStep(mark, label, millis, note) {
  const short = label.length > LABEL_WIDTH ? `${label.slice(0, LABEL_WIDTH - 1)}…` : label;
  show(`  ${mark} ${short.padEnd(LABEL_WIDTH)} ${`${millis.toFixed(1)} ms`.padStart(10)}`);
  if (note) show(dim(`      ${note}`));
}

/** The call as it is written in a program, on one line. */
function call(method, ...values) {
  return `${method}(${values.map((value) => value.replace(/\s+/g, ' ').trim()).join(', ')})`;
}

/** A DatabaseManager that tells what it does. */
function narrator(DatabaseManager, stage) {
  return class NarratingManager extends DatabaseManager {
    async addConnection(name, config) {
      const result = await step(call('addConnection', name), async () => {
        const value = await super.addConnection(name, config);
        return { value, note: value.version.split(' on ')[0] };
      });
      if (stage.schemas) await stage.createSchema(name, this.connections.get(name).pool);
      return result;
    }

    switchConnection(name) {
      return step(call('switchConnection', name), async () => ({
        value: await super.switchConnection(name),
      }));
    }

    executeDDL(sql, ...options) {
      const scoped = stage.schemas
        ? `SET LOCAL search_path TO "${stage.schemaOf(this.currentConnection)}"; ${sql}`
        : sql;
      return step(call('executeDDL', sql), async () => ({
        value: await super.executeDDL(scoped, ...options),
      }));
    }
  };
}

/** The server that the demo plays on: its own, with a database for each app. */
async function ownServer() {
  const { startEmbedded } = require('./support/embedded.js');
  const server = await step('start PostgreSQL with the databases app1, app2 and app3', async () => ({
    value: await startEmbedded({ databases: APP_NAMES }),
  }));
  const env = settings(server.host, server.port, server.user, server.password, server.database);
  for (const name of APP_NAMES) env[`PGFLEET_${name.toUpperCase()}_DATABASE`] = name;
  return {
    env,
    title: `a PostgreSQL of its own on ${server.host}:${server.port}, in a temporary directory`,
    schemas: false,
    schemaOf: () => 'public',
    clear: () =>
      step('stop PostgreSQL and remove its directory', async () => ({ value: await server.stop() })),
  };
}

/** The caller's server: one database, a schema for each connection. */
function callersServer() {
  const target = process.env.DATABASE_URL ? fromUrl(process.env.DATABASE_URL) : fromEnvironment();
  const prefix = `pgfleet_demo_${randomBytes(4).toString('hex')}`;
  const made = new Map();
  const schemaOf = (name) => `${prefix}_${name}`;
  return {
    env: target.env,
    title: `your server at ${target.place}; only schemas named ${prefix}_… are made, and dropped at the end`,
    schemas: true,
    schemaOf,
    async createSchema(name, pool) {
      await step(`CREATE SCHEMA ${schemaOf(name)}`, async () => {
        made.set(name, pool);
        return { value: await pool.query(`CREATE SCHEMA "${schemaOf(name)}"`) };
      });
    },
    async clear() {
      for (const [name, pool] of made) {
        await step(`DROP SCHEMA ${schemaOf(name)}`, async () => ({
          value: await pool.query(`DROP SCHEMA IF EXISTS "${schemaOf(name)}" CASCADE`),
        }));
      }
      made.clear();
    },
  };
}

function fromUrl(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    // The parser's own message would repeat the text, and with it the password.
    throw new Error('DATABASE_URL is not a URL (postgresql://user:password@host:port/database).');
  }
  const part = (value) => decodeURIComponent(value) || undefined;
  const { hostname, port, username, password, pathname, searchParams } = url;
  const sslmode = searchParams.get('sslmode') ?? process.env.PGSSLMODE;
  return {
    place: `${hostname}:${port || 5432}`,
    env: settings(hostname, port, part(username), part(password), part(pathname.slice(1)), sslmode),
  };
}

function fromEnvironment() {
  const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE, USER } = process.env;
  return {
    place: `${PGHOST}:${PGPORT || 5432}`,
    env: settings(PGHOST, PGPORT, PGUSER || USER, PGPASSWORD, PGDATABASE, PGSSLMODE),
  };
}

function settings(host, port, user, password, database, sslmode) {
  const env = { PGFLEET_HOST: host, PGFLEET_USER: user };
  if (port) env.PGFLEET_PORT = String(port);
  if (password) env.PGFLEET_PASSWORD = password;
  if (database) env.PGFLEET_DATABASE = database;
  if (sslmode === 'disable' || host?.startsWith('/')) env.PGFLEET_SSL = 'off'; // a Unix socket has no TLS
  return env;
}

function chapter(title) {
  show();
  show(bold(title));
}

async function showTables(manager, stage) {
  for (const [name, { pool }] of manager.connections) {
    const { rows } = await pool.query(
      'SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY table_name',
      [stage.schemaOf(name)],
    );
    const tables = rows.map((row) => row.table_name).join(', ');
    show(`    ${dim(name.padEnd(6))} ${tables || dim('no tables')}`);
  }
}

async function play(stage, managers) {
  const { FILE, askEach } = require('../examples/from-config.js');
  const { testConnection } = require('../examples/test-connection.js');
  const { manageSeveralDatabases } = require('../examples/multiple-databases.js');
  const { runMigrations } = require('../examples/migrations.js');
  const { alterBehindReport } = require('../examples/blocked-alter.js');
  const { diagnoseFaults } = require('../examples/broken-database.js');
  const NarratingManager = narrator(require('../services/DatabaseManager'), stage);
  const newManager = () => {
    const manager = new NarratingManager();
    managers.push(manager);
    return manager;
  };
  const quiet = () => {};

  chapter('Databases from a configuration file');
  const configured = await step(call('fromConfig', 'examples/pgfleet.config.js'), async () => {
    const value = await NarratingManager.fromConfig(FILE);
    return { value, note: `${[...value.connections.keys()].join(', ')}, none of which is connected to yet` };
  });
  managers.push(configured);
  await askEach(configured, (line) => show(dim(`      ${line}`)));

  chapter('Test the connection');
  await testConnection(newManager(), quiet);

  chapter('Several databases, one manager');
  const fleet = await manageSeveralDatabases(newManager());
  show(dim('    tables there are now:'));
  await showTables(fleet, stage);

  chapter(`Migrations, on ${fleet.currentConnection}`);
  await runMigrations(fleet, quiet);
  show(dim('    once more: each version is refused, and nothing changes'));
  await runMigrations(fleet, quiet);
  show(dim('    tables there are now:'));
  await showTables(fleet, stage);

  chapter('An ALTER TABLE behind a long report');
  await alterBehindReport(newManager(), (line) => show(dim(`      ${line}`)));

  chapter('One database, broken in three ways, and what diagnose() says');
  managers.push(await diagnoseFaults(NarratingManager, (line) => show(dim(`      ${line}`))));
}

function explain(error) {
  const message = error.message || String(error);
  if (/does not support SSL|SSL.*not supported|server refused TLS/i.test(message)) {
    return `${message}\nFor a server without TLS, set PGSSLMODE=disable.`;
  }
  return message;
}

async function main() {
  const started = performance.now();
  const managers = [];
  let stage;
  let failure;
  show(bold('pgfleet demo'));
  const clear = async () => {
    const current = stage;
    stage = undefined;
    await current?.clear();
  };
  process.once('SIGINT', () => {
    clear().finally(() => process.exit(130));
  });
  try {
    stage = process.env.DATABASE_URL || process.env.PGHOST ? callersServer() : await ownServer();
    show(dim(`  on ${stage.title}`));
    for (const name of Object.keys(process.env)) if (name.startsWith('PGFLEET_')) delete process.env[name];
    Object.assign(process.env, stage.env);
    await play(stage, managers);
  } catch (error) {
    failure = error;
  }
  chapter('Tidy up');
  try {
    // Schemas are dropped through the managers' own pools, a server of its own stops after they are closed.
    if (stage?.schemas) await clear();
    for (const manager of managers) {
      const names = [...manager.connections.keys()];
      if (names.length === 0) continue;
      await step(`close ${names.join(', ')}`, async () => ({ value: await manager.close() }));
    }
    await clear();
  } catch (error) {
    failure ??= error;
  }
  show();
  if (failure) {
    console.error(red(`The demo failed: ${explain(failure)}`));
    process.exitCode = 1;
  } else {
    show(green(`All done in ${((performance.now() - started) / 1000).toFixed(2)} s.`));
  }
}

await main();
