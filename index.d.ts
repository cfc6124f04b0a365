/// <reference types="node" />
import * as pg from './types/pg';
import { ConnectionOptions } from 'node:tls';
import { NoticeMessage } from 'pg-protocol/dist/messages.js';
import * as streaming from './types/streaming';

/**
 * Named PostgreSQL databases, one of which is the current one.
 *
 * It speaks two vocabularies, and both see the same databases: `addConnection`, `connections`, `currentConnection` … and
 * `initialize`, `configs`, `pools`, `currentAppName` …
 *
 * A manager that is idle doesn't keep the process alive.
 */
declare class DatabaseManager {
  /** The databases by name. */
  connections: Map<string, DatabaseManager.DatabaseConnection>;
  /** Name of the current database; null before the first one is added. */
  currentConnection: string | null;
  /**
   * Pool of the current database, made when it is read, which opens no connection. Where none is current it is
   * undefined, and once {@link DatabaseManager.initialize} was called it is null, which programs may test alike.
   */
  currentPool: pg.Pool | undefined;

  /** The configurations by name: the object that was given, with the databases that were added since. */
  configs: Record<string, DatabaseManager.DatabaseConfig>;
  /**
   * The pools by name, of those databases that have one. A pool is made when it is read, which opens no connection;
   * listing or printing them makes none. What a program puts in or deletes is in `connections` as well.
   */
  pools: Record<string, pg.Pool>;
  /**
   * Supabase clients by name, of those databases with `projectUrl` and `anonKey`. A client is made when it is read.
   *
   * @throws {Error} when `@supabase/supabase-js` isn't installed and a client is read
   */
  supabaseClients: Record<string, DatabaseManager.SupabaseClient>;
  /** The same as `currentConnection`. */
  currentAppName: string | null;
  /**
   * The Supabase client of the current database; null where it has none. It is made when it is read.
   *
   * @throws {Error} when `@supabase/supabase-js` isn't installed and the database has a client
   */
  currentSupabaseClient: DatabaseManager.SupabaseClient | null | undefined;
  /**
   * Whether {@link DatabaseManager.switchDatabase} may be called: after `initialize`, `fromEnv`, `fromConfig` or the
   * first `addConnection`, until the end.
   */
  initialized: boolean;

  /**
   * Makes an empty manager. Nothing is opened.
   *
   * @param configs what {@link DatabaseManager.initialize} is to open. @default `{}`
   * @throws {TypeError} for what isn't an object
   */
  constructor(configs?: Record<string, DatabaseManager.DatabaseConfig> | null);

  /**
   * Makes a manager with the databases that variables describe: `SUPABASE_URL` and its kin as `main`, `DATABASE_URL` as
   * `default` (as `main` where no `SUPABASE_*` gives one), `DATABASE_n_URL` or `DATABASE_n_HOST` as `database_n` or as
   * `DATABASE_n_NAME` says. The first is current. Nothing is opened; what is wrong with a value rejects when its database
   * is first used. docs/configuration.md has all names.
   *
   * @param options
   * @returns a manager of the class that it is called on; one without databases when nothing is set
   * @throws {TypeError} when an option is of another type
   * @throws {Error} for two databases of one name, and for a file that can't be read
   */
  static fromEnv<T extends DatabaseManager>(
    this: new () => T,
    options?: DatabaseManager.EnvironmentOptions,
  ): Promise<T>;

  /**
   * Makes a manager with the databases of a configuration, the first of which is current. Nothing is opened; what is
   * wrong with a value rejects when its database is first used. docs/configuration.md has all keys.
   *
   * @param file the path of a file that ends in `.js`, `.mjs`, `.cjs`, `.json` or `.toml`, or what would stand in it.
   *   @default the nearest `pgfleet.config.*`, else `config/databases.json`, from the working directory upwards
   * @returns a manager of the class that it is called on
   * @throws {TypeError} for an unknown key, with its place and the nearest known one, and for what is no configuration
   * @throws {SyntaxError} with file, line and column, for a file that can't be parsed
   * @throws {Error} when there is no such file
   */
  static fromConfig<T extends DatabaseManager>(
    this: new () => T,
    file?: string | DatabaseManager.Configuration,
  ): Promise<T>;

  /**
   * Connects to a database, asks for its version and keeps it under a name. The first one becomes the current one.
   * A name that is taken is replaced once the new database has answered; the old pool ends when its clients are back.
   * When it fails, nothing is left behind: no entry, no open socket.
   *
   * @param name what the database is called from now on
   * @param config where it is; anything left out takes its default
   * @returns the server's `version()`
   * @throws {TypeError} when an argument has the wrong type, or an option can't take its value
   * @throws {DatabaseError} when the server refuses, such as 28P01 for a wrong password
   * @throws {Error} with the system's `code` (`ECONNREFUSED`, `ENOTFOUND`, …) when the server can't be reached
   */
  addConnection(
    name: string,
    config: DatabaseManager.DatabaseConfig & {
      /**
       * The error of a failure gets a `diagnosis`, a {@link DatabaseManager.Diagnosis}, up to 10 seconds later. No further
       * password is sent for it. @default false
       */
      diagnose?: boolean | undefined;
    },
  ): Promise<DatabaseManager.AddConnectionResult>;

  /**
   * Looks at databases' connections, layer by layer, and says what is wrong, what was seen and the one thing to change.
   * Nothing is changed, and no connection stays open. docs/doctor.md has all causes.
   *
   * @param options
   * @returns one for each database, in their order
   * @throws {TypeError} when an option has the wrong type, or there is no such option
   * @throws {Error} after {@link DatabaseManager.close}, and where `databases` names one that isn't there
   */
  diagnose(options?: DatabaseManager.DiagnoseOptions): Promise<DatabaseManager.Diagnosis[]>;

  /**
   * Makes another database the current one. Requests that were made before stay where they are.
   *
   * @param name of a database that was added
   * @returns true
   * @throws {TypeError} when the name isn't a string, or is empty
   * @throws {Error} when the name isn't known; the message lists the known ones
   */
  switchConnection(name: string): Promise<true>;

  /**
   * Runs a script on the database that is current at this moment: BEGIN and the script in one round trip, and COMMIT in
   * a second one, once the script has succeeded. When it fails the transaction is rolled back, and the first error is
   * thrown. When the answer to COMMIT is lost, the server is asked what became of the transaction, and the promise
   * tells that.
   *
   * @param ddlSql what `client.query` takes: one or more statements, or a configuration with values and the like
   * @param useTransaction false runs the script as it is, which `CREATE INDEX CONCURRENTLY`, `VACUUM` and
   *   `CREATE DATABASE` need. @default true
   * @returns what `client.query(ddlSql)` of node-postgres returns: a result, or an array of results when the script
   *   has several statements
   * @throws {TypeError} when an argument has the wrong type
   * @throws {Error} before a database is added, and after {@link DatabaseManager.close}
   * @throws {Error} with code 25001, before anything is sent, for a statement that can't run in a transaction
   * @throws {SyntaxError} with code `PGFLEET_PSQL`, before anything is sent, for a command of psql's
   * @throws {TypeError} with code `PGFLEET_TRANSACTION_MODE`, before anything is sent, for what a pooler in transaction mode
   *   would leave to other clients
   * @throws {DatabaseError} what the server said about the script
   * @throws whatever it is, it is a {@link DatabaseManager.DdlError}: its `outcome` says whether the script was applied
   */
  executeDDL(
    ddlSql: string | String | pg.QueryConfig | pg.QueryArrayConfig,
    useTransaction?: boolean,
    options?: DatabaseManager.DdlOptions,
  ): Promise<pg.QueryResult | pg.QueryResult[]>;
  /**
   * @param ddlSql as above
   * @param options how it shall run
   */
  executeDDL(
    ddlSql: string | String | pg.QueryConfig | pg.QueryArrayConfig,
    options: DatabaseManager.DdlOptions,
  ): Promise<pg.QueryResult | pg.QueryResult[]>;

  /**
   * Listens to a channel of the database that is current at this moment, as {@link Pool.listen} of its pool does. It
   * stays with that database, and ends with it.
   *
   * @param channel the name as it is, not as an SQL identifier; at most 63 bytes
   * @param handler called with each notification
   * @returns the subscription, when the server listens
   * @throws {Error} before a database is added, and after {@link DatabaseManager.close}
   */
  listen(
    channel: string,
    handler: (notification: pg.Notification) => void,
    options?: pg.ListenOptions,
  ): Promise<pg.Subscription>;

  /**
   * Adds the databases that a query of another one gives, without opening any, and takes out those that the same query
   * gave before and no longer gives: their pools end when their clients are back. When anything is wrong, nothing
   * changes. A database whose tags and groups alone have changed keeps its connections.
   *
   * @param options
   * @returns names
   * @throws {TypeError} for a row that describes no database, and for a reference, or a connection string that names a file,
   *   in one: it would be read on this machine
   * @throws {Error} for a name that the query gives twice, or that was added otherwise
   * @throws {DatabaseError} when the query fails
   */
  discover<Row extends pg.QueryResultRow = any>(
    options: DatabaseManager.Discovery<Row>,
  ): Promise<{ added: string[]; changed: string[]; removed: string[] }>;

  /**
   * Keeps all databases of the configurations; those that were kept before are made anew. Nothing is opened or read: a
   * configuration that is wrong rejects when its database is first used. Opens the manager again after its end.
   *
   * @param configs in the place of {@link DatabaseManager.configs}, as it is, not as a copy
   * @throws {TypeError} when it isn't an object
   */
  initialize(configs?: Record<string, DatabaseManager.DatabaseConfig> | null): Promise<void>;

  /**
   * Reads the configurations, for {@link DatabaseManager.initialize}: `ehg_engineer` from the variables `SUPABASE_URL`,
   * `SUPABASE_ANON_KEY` (or both with `NEXT_PUBLIC_` in front), `SUPABASE_SERVICE_ROLE_KEY` and `SUPABASE_DB_PASSWORD`,
   * and those of `config/databases.json` in the working directory over it. A file that is missing or broken counts as
   * empty.
   *
   * @returns the same as `configs` from now on
   */
  loadConfigurations(): Promise<Record<string, DatabaseManager.DatabaseConfig>>;

  /**
   * @param url of a Supabase project, `https://REF.supabase.co`
   * @returns `db.REF.supabase.co`; null for any other URL
   */
  extractHostFromUrl(url: string | null | undefined): string | null;

  /**
   * Keeps a database under a name. Nothing is opened or read: what is wrong with its configuration rejects when it is
   * first used. A name that is taken is replaced; the old pool ends when its clients are back. It becomes current by
   * {@link DatabaseManager.switchConnection} or {@link DatabaseManager.switchDatabase} alone.
   *
   * Its pool has the defaults of {@link DatabaseManager.addConnection}, but for `max` 10, `connectionTimeoutMillis` 5000
   * and `dbUser` `postgres`. With `dbHost` missing or `dbPassword` missing there is no pool, only a Supabase client.
   *
   * @param name what the database is called from now on
   * @param config where it is, kept as it is
   * @throws {TypeError} when the name isn't a string or is empty, or the configuration isn't an object
   */
  addDatabase(name: string, config: DatabaseManager.DatabaseConfig): Promise<void>;

  /**
   * Makes another database the current one, and sends `SELECT NOW()` to it, if it has a pool. It stays the current one
   * when that fails.
   *
   * @param name of a database with a pool or a Supabase client
   * @returns true
   * @throws {Error} `DatabaseManager not initialized. Call initialize() first.`, unless `initialize`, `fromEnv`,
   *   `fromConfig` or `addConnection` came first
   * @throws {Error} `No database configuration found for: NAME`
   * @throws the connection's error
   */
  switchDatabase(name: string): Promise<true>;

  /**
   * Runs a query on the current pool.
   *
   * @param sql
   * @param params @default `[]`
   * @returns its rows
   * @throws {Error} `No active database. Call switchDatabase() first.`
   */
  query<Row extends pg.QueryResultRow = any>(sql: string, params?: unknown[]): Promise<Row[]>;

  /**
   * Runs a query on each of several databases in order, by `switchDatabase` and `query`. The last one stays current.
   *
   * @param plan by names of databases. The key `join` is no database and is passed over
   * @returns rows by names
   * @throws the first error
   */
  crossDatabaseQuery(
    plan: Record<string, { sql: string; params?: unknown[] | undefined } | unknown>,
  ): Promise<Record<string, any[]>>;

  /**
   * Asks the API of the current Supabase project.
   *
   * @param table
   * @param query
   * @returns the answer's `data`
   * @throws {Error} `No active Supabase client. Call switchDatabase() first.`
   * @throws {Error} `Supabase query error: MESSAGE`, with the answer's error as its `cause`
   */
  supabaseQuery(table: string, query?: DatabaseManager.SupabaseQuery): Promise<any>;

  /**
   * Creates a table on the current database, unless it is there.
   *
   * @param name `table` or `schema.table`; quoted, so case counts
   * @param columns definitions by names; names are quoted, definitions with their constraints go in as they are
   * @returns as {@link DatabaseManager.executeDDL}
   * @throws {TypeError} when an argument is of another type
   */
  createTable(name: string, columns: Record<string, string>): Promise<pg.QueryResult | pg.QueryResult[]>;

  /**
   * @param name of a table or view of schema `public`, as it is
   * @returns whether the current database has it
   * @throws {Error} as {@link DatabaseManager.query}
   */
  tableExists(name: string): Promise<boolean>;

  /**
   * @returns the tables of schema `public` of the current database
   * @throws {Error} as {@link DatabaseManager.query}
   */
  getSchema(table?: null): Promise<{ table_name: string }[]>;
  /**
   * @param table of schema `public`
   * @returns its columns; none for an unknown one
   */
  getSchema(table: string): Promise<{ column_name: string; data_type: string; is_nullable: 'YES' | 'NO' }[]>;

  /**
   * Runs node-pg-migrate's files in `migrations/` of the working directory on the current database: in order, all in one
   * transaction, recorded in `public.pgmigrations`. SQL files run through {@link DatabaseManager.executeDDL}'s engine;
   * where a JavaScript file is among them, the package `node-pg-migrate` runs them all. Both take node-pg-migrate's lock.
   *
   * @param direction @default 'up'
   * @param count how many at most. @default Infinity, which for `'down'` is all of them
   * @returns those that were run, in that order; `timestamp` is the number in front of the name, of 17 digits the time
   *   that it says, in milliseconds
   * @throws {Error} `No active database. Call switchDatabase() first.`
   * @throws {Error} when another migration runs, one that isn't applied stands before one that is, or a file is missing
   * @throws {Error} when a JavaScript file is to be run and `node-pg-migrate` isn't installed
   * @throws {DatabaseError} what the server says; `migration` is the name of the file, and `position` counts from where
   *   its part for the direction begins. Nothing is applied then
   */
  runMigration(
    direction?: 'up' | 'down',
    count?: number,
  ): Promise<{ path: string; name: string; timestamp: number }[]>;

  /**
   * @returns what is applied to the current database, the newest first; `[]` without the table
   * @throws {Error} `No active database. Call switchDatabase() first.`
   */
  getMigrationStatus(): Promise<{ id: number; name: string; run_on: Date }[]>;

  /** @returns true: SQL files need no other package */
  isMigrationAvailable(): Promise<true>;

  /** @returns how the current pool is used, at once; null without one */
  getPoolStatus(): { totalCount: number; idleCount: number; waitingCount: number } | null;

  /**
   * Takes a database out and closes its connections once they are free. When it was the current one, no database is
   * current afterwards.
   * @param name of a database that was added
   * @returns true, when its connections are closed
   * @throws {Error} when the name isn't known
   */
  removeConnection(name: string): Promise<true>;

  /**
   * Waits for what is in flight, then closes every connection. The manager takes no more requests, and forgets its
   * databases, until {@link DatabaseManager.initialize} opens those of its configurations again.
   *
   * @returns when all connections are closed; the same promise for every call
   */
  close(): Promise<void>;
  /** The same as {@link DatabaseManager.close}. */
  shutdown(): Promise<void>;
  /** `await using manager = new DatabaseManager()` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void>;
}

declare namespace DatabaseManager {
  export { DatabaseManager, DatabaseManager as default };

  /**
   * Where a secret is, instead of what it is: a variable of the environment, a file, or a command, which is run without
   * a shell, for at most 10 seconds. One line end at the end of a file or of what a command writes is cut. An error has
   * code `PGFLEET_REFERENCE` when there is nothing.
   */
  export type SecretReference = { env: string } | { file: string } | { command: readonly string[] };

  /** Options of TLS, with files and secrets by reference, read when the pool is made. */
  export interface ReferringTlsOptions extends Omit<
    ConnectionOptions,
    'ca' | 'cert' | 'key' | 'passphrase' | 'pfx'
  > {
    ca?: ConnectionOptions['ca'] | SecretReference | readonly SecretReference[];
    cert?: ConnectionOptions['cert'] | SecretReference;
    key?: ConnectionOptions['key'] | SecretReference;
    passphrase?: ConnectionOptions['passphrase'] | SecretReference;
    pfx?: ConnectionOptions['pfx'] | SecretReference;
  }

  /**
   * Where a database is: the keys below, and every option of {@link PoolConfig}. Where two say the same,
   * `connectionString` wins over the keys below, and these over `host`, `port`, `user`, `password` and `database`.
   * Unknown keys are ignored.
   */
  export interface DatabaseConfig extends Omit<pg.PoolConfig, 'connectionString' | 'password' | 'ssl'> {
    /**
     * A connection as Supabase's dashboard, drivers and tools write it: a URL (of JDBC or SQLAlchemy too), pairs of libpq
     * or .NET, a command line of psql, lines of a file of variables, or the URL of a project. What it says wins over the
     * other keys; a password that it lacks, or has a placeholder for, is taken from them. A reference is read once, when
     * the pool is made.
     */
    connectionString?: string | SecretReference | undefined;
    /** Another name of `connectionString`, which wins. */
    url?: string | SecretReference | undefined;
    /**
     * A Supabase project's ref, the 20 letters in its URL. Without `dbHost` and `host` the pooler that knows the project
     * is found, by asking each in turn without a password, and remembered in the process. `dbUser` is then a role of the
     * project (default `postgres`), with or without `.<ref>` behind it. A connection string knows its own host and user.
     *
     * Where no pooler knows the project, connecting rejects with `code` XX000 and `supabase.code` `ENOTFOUND`.
     */
    ref?: string | undefined;
    /** The project's region, such as `eu-central-1`, which makes finding its pooler faster. Only with `ref`. */
    region?: string | undefined;
    /**
     * The pooler's cluster in the region, where it is known: `1` or `'aws-1'` in
     * `aws-1-eu-central-1.pooler.supabase.com`. With `region` nothing is searched for. Only with `ref`.
     */
    cluster?: number | string | undefined;
    /** @default `aws-1-us-east-1.pooler.supabase.com`; with `ref` the pooler that knows the project */
    dbHost?: string | undefined;
    /** @default 5432, the session mode of Supabase's pooler */
    dbPort?: number | string | undefined;
    /** Role; with Supabase's poolers, `<role>.<project-ref>`. @default with `ref`: `postgres` */
    dbUser?: string | undefined;
    /** A reference, and a function, is read once a connection, when the server asks. */
    dbPassword?: string | (() => string | Promise<string>) | SecretReference | undefined;
    /** Another name of `dbPassword`, which wins. */
    password?: string | (() => string | Promise<string>) | SecretReference | undefined;
    /** @default `postgres` */
    dbName?: string | undefined;
    /** Where the project's API is, for its Supabase client. */
    supabaseUrl?: string | undefined;
    /** The project's anon key, for its Supabase client. */
    supabaseKey?: string | SecretReference | undefined;
    /** Another name of `supabaseUrl`. */
    projectUrl?: string | undefined;
    /** Another name of `supabaseKey`. */
    anonKey?: string | SecretReference | undefined;
    /** Kept for the caller; not used. */
    serviceRoleKey?: string | SecretReference | undefined;
    /** Kept for the caller; not used. */
    appName?: string | undefined;
    /** Kept for the caller; not used. */
    purpose?: string | undefined;
    /** Words to select databases by. @default `[]` */
    tags?: string[] | undefined;
    /** Names of groups that it belongs to. @default `[]` */
    groups?: string[] | undefined;
    /** Which statements may run. Any other than `'all'` is refused until policies are available. @default 'all' */
    policy?: 'all' | undefined;
    /** `'verify-full'` verifies the certificate, Supabase's too. @default `{ rejectUnauthorized: false }` */
    ssl?: pg.WithSslMode<pg.PoolConfig>['ssl'] | ReferringTlsOptions;
    /** @default 5 */
    max?: number | undefined;
    /** Milliseconds; 0 = never. @default 30000 */
    idleTimeoutMillis?: number | undefined | null;
    /** Milliseconds; 0 = never. @default 10000 */
    connectionTimeoutMillis?: number | undefined;
  }

  /** What {@link DatabaseManager.fromEnv} reads. */
  export interface EnvironmentOptions {
    /** Variables by name. @default `process.env` */
    env?: object | undefined;
    /**
     * A file of variables, over which `env` wins; `false` for none. It changes nothing in the environment.
     * @default `.env` of the working directory, if it is there
     */
    envFile?: string | false | undefined;
  }

  /** What stands in a configuration file. Unknown keys are errors. */
  export interface Configuration {
    /** For editors. */
    $schema?: string | undefined;
    /** By name. A relative path in a reference starts from the file. */
    databases: Record<string, DatabaseConfig>;
    /** Members by the group's name: names of databases, patterns such as `app*`, and `tag:…`. */
    groups?: Record<string, readonly string[]> | undefined;
    /** Under the configuration of each database. */
    defaults?: DatabaseConfig | undefined;
    /** For all databases. Any other than `'all'` is refused until policies are available. @default 'all' */
    policy?: 'all' | undefined;
    /** Options of migrations, kept until they are available. Relative folders start from the file. */
    migrations?: object | undefined;
    /** More databases, looked for before each selection. They have the defaults and the groups. */
    discover?: Discovery | undefined;
  }

  /** How databases are found by a query of another one. */
  export interface Discovery<Row extends pg.QueryResultRow = any> {
    /** The name of the database that is asked. */
    database: string;
    /** One query, with a row for each database. */
    sql: string;
    /**
     * What a row describes, or null for no database; or the names of the columns that have it. A column that is null
     * leaves its key out; tags and groups may be texts with commas.
     */
    map:
      | ((row: Row) => DiscoveredDatabase | null | Promise<DiscoveredDatabase | null>)
      | { name: string; config: { [key in keyof DatabaseConfig]?: string } };
  }

  export interface DiscoveredDatabase {
    name: string;
    /** Functions are compared by identity: another one is another configuration. */
    config: DatabaseConfig;
  }

  /**
   * Which databases: a name, a pattern such as `app*`, `tag:eu`, `group:paid`, each with a `!` before it for all but these; a
   * list of such words; `'all'`; or a function that says it of each.
   */
  export type Selection = string | string[] | ((database: SelectedDatabase) => boolean);

  /** What a selection's function sees of a database. */
  export interface SelectedDatabase {
    name: string;
    config: DatabaseConfig;
    tags: string[];
    groups: string[];
  }

  /** Options of {@link DatabaseManager.diagnose}. */
  export interface DiagnoseOptions {
    /** Which databases. @default all */
    databases?: Selection | undefined;
    /** How long each may take. Milliseconds. @default 10000 */
    timeout?: number | undefined;
    /**
     * Passwords that may be sent for each, at most: 0 sends none, and the cause is `not-tried` where only a password would
     * tell more. A password that a function or reference gives isn't asked for then. @default 1 to the own machine of a
     * Supabase project, otherwise 2
     */
    maxAuthAttempts?: number | undefined;
  }

  /** What {@link DatabaseManager.diagnose} says of one database. There is no secret in it. */
  export interface Diagnosis {
    /** Its name. */
    database: string;
    /** Whether a connection can be had and used. */
    ok: boolean;
    /** What is wrong, in a word that docs/doctor.md explains; `ok` where nothing is. */
    cause: string;
    /** The same in a sentence or two. */
    message: string;
    /** The one thing to change; empty where nothing is to be changed. */
    remedy: string;
    /** What was seen. */
    evidence: string[];
    /** What was looked at, in this order. The first that fails ends the examination, and those behind it are skipped. */
    checks: DiagnosisCheck[];
    /** Passwords, or proofs of one, that were sent. */
    authAttempts: number;
    /** How long it took. Milliseconds. */
    durationMs: number;
  }

  /** One layer of a connection. */
  export interface DiagnosisCheck {
    name:
      | 'configuration'
      | 'resolve'
      | 'connect'
      | 'ssl-request'
      | 'tls'
      | 'startup'
      | 'authentication'
      | 'session';
    /** `skipped` also where there is nothing to look at, such as TLS where none is wanted. */
    state: 'ok' | 'failed' | 'warning' | 'skipped';
    detail: string;
    /** Milliseconds. */
    durationMs: number;
  }

  /** How {@link DatabaseManager.executeDDL} shall run a script. */
  export interface DdlOptions {
    /** As the argument of the same name. With `transaction` given as well, both have to say the same. @default true */
    useTransaction?: boolean | undefined;
    /**
     * `true`: between BEGIN and COMMIT, all or nothing. `false`: as it is. `'auto'`: what can be in one transaction is,
     * what can't runs by itself in order, and an enum value is committed before its use. @default true
     */
    transaction?: boolean | 'auto' | undefined;
    /** The name of the database. @default the one that is current at the moment of the call */
    database?: string | undefined;
    /**
     * Milliseconds that a transaction may wait for locks, all of them together; then it is rolled back, so that those
     * that wait behind it go on, and tried again after a pause. 0 waits. It doesn't end `CONCURRENTLY`, which keeps
     * nothing waiting; `lockBudget` does. @default 0
     */
    lockTimeout?: number | undefined;
    /** Milliseconds that all waiting of the call may last, and the pauses. @default 60000 when `lockTimeout` is set */
    lockBudget?: number | undefined;
    /** @default as many as `lockBudget` allows when `lockTimeout` is set, else 0 */
    retries?: number | undefined;
    /** Milliseconds that one statement may take; 0 for no limit. @default 0 */
    statementTimeout?: number | undefined;
    /**
     * When COMMIT leaves. `'confirmed'`: once the script has succeeded, so that a process or connection that is lost
     * in the middle commits nothing; two round trips. `'pipelined'`: together with the script; one round trip, and a
     * script whose sender is lost may be committed. @default 'confirmed'
     */
    commit?: 'confirmed' | 'pipelined' | undefined;
    /**
     * Aborting it has the server stop. The promise rejects once the outcome is known, with an error of its own that
     * has the reason's `name` and `message`, and the reason as its `cause`; or resolves, when it came too late.
     */
    signal?: AbortSignal | undefined;
    /** Called with what the server says while the script runs. */
    onNotice?: ((notice: Notice) => void) | undefined;
    /** Called with each step of each statement. */
    onProgress?: ((event: DdlProgress) => void) | undefined;
  }

  /** What the server says besides its answers, such as `NOTICE: relation "a" already exists, skipping`. */
  export type Notice = NoticeMessage;

  /** How far a statement of a script has got. */
  export interface DdlProgress {
    /** Its place in the script, from 1. */
    step: number;
    /** How many statements there are. */
    steps: number;
    /** Its text, without the semicolon. */
    statement: string;
    /**
     * `'waiting'`: for a lock that `blockers` have. `'retrying'`: it has not had it in time, all is rolled back, and
     * will be tried again. `'done'` in a transaction is not committed before the promise resolves.
     */
    state: 'started' | 'done' | 'waiting' | 'retrying' | 'failed';
    blockers?: Blocker[];
  }

  /** What stands in the way of a statement that waits for a lock. */
  export interface Blocker {
    /** The server process; 0 for a prepared transaction. */
    pid: number;
    /** The role; empty for a process of the server's own. */
    user: string;
    /** Its `application_name`, or the kind of process, such as `autovacuum worker`. */
    application: string;
    /** As in `pg_stat_activity`, such as `idle in transaction`; `prepared` for a prepared transaction. */
    state: string;
    /** Milliseconds since its transaction began. */
    transactionAge: number;
    /** What it does, or did last, as far as the role may see it. */
    query: string;
    /** Of its lock, as in `LOCK TABLE`: `ACCESS SHARE`. */
    mode: string;
    /** `schema.table` that its lock is on; empty when that can't be told. */
    relation: string;
  }

  /** What became of one statement of a script. */
  export interface DdlStep {
    /** Its text, without the semicolon. */
    statement: string;
    /**
     * `'done'`: it was run and is committed. `'failed'`: the server refused it. `'not run'`: it was not run, or was
     * undone with the one that failed. `'unknown'`: the connection was lost before that was known.
     */
    state: 'done' | 'failed' | 'not run' | 'unknown';
  }

  /** What every rejection of {@link DatabaseManager.executeDDL} has, besides what the error itself is. */
  export interface DdlError extends Error {
    /**
     * `'not applied'`: certain; nothing was sent, or it was rolled back. `'partly applied'`: something before the
     * failure was committed, see `steps`. `'unknown'`: the server could not be asked within
     * `connectionTimeoutMillis` (10 seconds when that is 0), or its answer proves nothing.
     */
    outcome: 'not applied' | 'partly applied' | 'unknown';
    /** One for each statement; undefined when nothing was applied. */
    steps?: DdlStep[] | undefined;
    /** With code `55P03` of a call with limits: what stood in the way of the last try, one for each process. */
    blockers?: Blocker[] | undefined;
    /** How often it was tried; the first counts. */
    attempts?: number | undefined;
    /** Milliseconds that all tries have waited, and the pauses between them. */
    waitedMs?: number | undefined;
    /** On the way to a Supabase project: what it means. */
    supabase?: SupabaseAdvice | undefined;
  }

  /** An entry of {@link DatabaseManager.connections}. */
  export interface DatabaseConnection {
    name: string;
    /** The object that was given. Printed as part of the entry, or as JSON of it, it shows no secret. */
    config: DatabaseConfig;
    /** Of a database without host and password, which is used by its Supabase client alone, it is undefined. */
    pool: pg.Pool;
    supabaseUrl: string | undefined;
    supabaseKey: string | undefined;
    /** Of the configuration. Absent in an entry that the program has made. */
    readonly tags?: string[];
    /** Of the configuration. Absent in an entry that the program has made. */
    readonly groups?: string[];
  }

  /** A client of `@supabase/supabase-js`. */
  export interface SupabaseClient {
    from(table: string): any;
    [member: string]: any;
  }

  /** What {@link DatabaseManager.supabaseQuery} is to ask for. */
  export interface SupabaseQuery {
    /** Columns. @default all */
    select?: string | undefined;
    /** Values by columns; all have to be equal. */
    filter?: Record<string, unknown> | undefined;
    /** A column to sort by. */
    order?: string | undefined;
    /** Rows, at most. @default all */
    limit?: number | undefined;
  }

  export interface AddConnectionResult {
    success: true;
    /** Answer to `SELECT version()`. */
    version: string;
  }

  /** What the analysis of a script has to know besides it. */
  export interface AnalysisOptions {
    /** The server's major version, 10 or later. @default 17 */
    serverVersion?: number | undefined;
    /** The script will run in a transaction that is begun and ended elsewhere. @default false */
    inTransaction?: boolean | undefined;
    /**
     * Names of rules that are on by option alone, such as `'ban-drop-index'`: docs/lint.md has them all. The others are
     * always on. @default []
     */
    rules?: readonly string[] | undefined;
  }

  /** How grave a statement is, see {@link Statement.class}. */
  export type StatementClass =
    | 'read'
    | 'write'
    | 'create'
    | 'alter'
    | 'destructive'
    | 'privilege'
    | 'session'
    | 'transaction'
    | 'server'
    | 'opaque'
    | 'unknown';

  /** One statement of a script, and what it does. Positions count UTF-16 units from 0, as strings do. */
  export interface Statement {
    /**
     * From the first character of its first token to behind its last one, without the semicolon: comments before it
     * belong to none. Always `sql.slice(start, end)`.
     */
    text: string;
    start: number;
    end: number;
    /** From 1. CR LF is one line end. */
    line: number;
    /** From 1, in UTF-16 units. */
    column: number;
    /**
     * The command tag that the server would answer, without counts: `'CREATE INDEX'` (CONCURRENTLY too), `'SELECT'`
     * (TABLE, VALUES, SELECT INTO and CREATE TABLE AS too), `'INSERT'` (behind WITH too). `'UNKNOWN'` for what can't
     * be parsed.
     */
    kind: string;
    /**
     * The gravest class of anything inside (common table expressions, COPY of a query, CREATE TABLE AS, cursors,
     * prepared statements, EXPLAIN with ANALYZE), in this order: unknown, opaque, server, privilege, destructive,
     * alter, create, write, session, transaction, read.
     */
    class: StatementClass;
    /** Whether a transaction block takes it, as far as its text and the version tell. */
    transactional: boolean;
    /**
     * The locks that hold others up (`'SHARE UPDATE EXCLUSIVE'` and stronger, and what LOCK names), each relation once
     * with its strongest: the name folded and unquoted, with its schema where one is written. A relation that the
     * statement itself creates isn't among them.
     */
    locks: { relation: string; mode: string }[];
    /** What the rules of {@link lint} find in it. */
    findings: Finding[];
  }

  /** What a rule has to say about a statement. */
  export interface Finding {
    rule: string;
    severity: 'error' | 'warning' | 'info';
    /** What is wrong. */
    message: string;
    /** What comes of it. */
    why: string;
    /** SQL that does the same safely, with the statement's own names. */
    remedy: string;
    start: number;
    end: number;
    line: number;
    column: number;
  }

  /**
   * What the statements of a script are and do, told from their text at once, without a server. Broken statements are
   * of class `'unknown'`. Literals are read as with `standard_conforming_strings` on, until the script sets it.
   *
   * @param sql any text that psql could run; the data behind `COPY … FROM STDIN` is passed over, as are `\restrict`
   *   and `\unrestrict`
   * @throws {TypeError} for arguments of another kind
   * @throws {SyntaxError} with code `PGFLEET_PSQL` that names it, for any other command of psql's, such as `\connect`
   * @throws {RangeError} with code `PGFLEET_TOO_DEEP` for a statement with more than 1,000 brackets, CASE expressions
   *   and function bodies inside each other. Chains of operators don't count; 100,000 in one statement are answered
   */
  export function analyzeSql(sql: string, options?: AnalysisOptions): Statement[];

  /**
   * The findings of all statements of a script, in their order. docs/lint.md has the rules.
   *
   * `-- pgfleet-ignore RULE…` before a statement, and squawk's `-- squawk-ignore RULE, …`, silence rules for it, all of
   * them without a name.
   *
   * @param sql as of {@link analyzeSql}
   * @throws as {@link analyzeSql} does
   */
  export function lint(sql: string, options?: AnalysisOptions): Finding[];

  export import Client = pg.Client;
  export import Connection = pg.Connection;
  export import DatabaseError = pg.DatabaseError;
  export import Pool = pg.Pool;
  export import Query = pg.Query;
  export import Result = pg.Result;
  export import TypeOverrides = pg.TypeOverrides;
  export import defaults = pg.defaults;
  export import escapeIdentifier = pg.escapeIdentifier;
  export import escapeLiteral = pg.escapeLiteral;
  export import native = pg.native;
  export import types = pg.types;
  export import utils = pg.utils;

  export import BindConfig = pg.BindConfig;
  export import ClientConfig = pg.ClientConfig;
  export import ConnectionConfig = pg.ConnectionConfig;
  export import CustomTypesConfig = pg.CustomTypesConfig;
  export import Defaults = pg.Defaults;
  export import ExecuteConfig = pg.ExecuteConfig;
  export import FieldDef = pg.FieldDef;
  export import ListenGap = pg.ListenGap;
  export import ListenOptions = pg.ListenOptions;
  export import MessageConfig = pg.MessageConfig;
  export import Notification = pg.Notification;
  export import PoolClient = pg.PoolClient;
  export import PoolConfig = pg.PoolConfig;
  export import PoolOptions = pg.PoolOptions;
  export import QueryArrayConfig = pg.QueryArrayConfig;
  export import QueryArrayResult = pg.QueryArrayResult;
  export import QueryConfig = pg.QueryConfig;
  export import QueryConfigValues = pg.QueryConfigValues;
  export import QueryParse = pg.QueryParse;
  export import QueryResult = pg.QueryResult;
  export import QueryResultBase = pg.QueryResultBase;
  export import QueryResultRow = pg.QueryResultRow;
  export import ResultBuilder = pg.ResultBuilder;
  export import Submittable = pg.Submittable;
  export import Subscription = pg.Subscription;
  export import SupabaseAdvice = pg.SupabaseAdvice;
  export import TransactionStatus = pg.TransactionStatus;
  export import WithSslMode = pg.WithSslMode;

  export import Cursor = streaming.Cursor;
  export import QueryStream = streaming.QueryStream;
  export import copyStreams = streaming.copyStreams;
  export import CopyStream = streaming.CopyStream;
  export import CursorQueryConfig = streaming.CursorQueryConfig;
  export import QueryStreamConfig = streaming.QueryStreamConfig;

  export type ClientBase = pg.ClientBase;
  export type Events = pg.Events;
}

export = DatabaseManager;
