/// <reference types="node" />
import { Duplex } from 'node:stream';
import { ConnectionOptions } from 'node:tls';
import * as pgTypes from 'pg-types';
import { ClientBase } from './client';

/** Where the parsers of result values come from: an object that is asked for one parser a column. */
export interface CustomTypesConfig {
  /**
   * @param oid the column's type OID
   * @param format `'text'` unless the result is binary
   * @returns a function from the value as the server sent it to the JavaScript value
   */
  getTypeParser: typeof pgTypes.getTypeParser;
}

/**
 * How to reach one server, under node-postgres's names. Unknown keys are ignored.
 *
 * A value comes from the config, else from the `PG*` environment variable (read when the client is made), else
 * from {@link Defaults}.
 */
export interface ClientConfig {
  /** Role to log in as. @default `PGUSER`, else the name of the operating system's user */
  user?: string | undefined;
  /** @default `PGDATABASE`, else the user's name */
  database?: string | undefined;
  /**
   * The password, or a function that gives it; the function is called once a connection, when the server asks.
   * It is kept out of `util.inspect`, JSON and every message.
   * @default `PGPASSWORD`, else the entry of the password file (`PGPASSFILE`, `~/.pgpass`)
   */
  password?: string | (() => string | Promise<string>) | undefined;
  /** TCP port, and the suffix of a Unix socket's file name. @default `PGPORT`, else 5432 */
  port?: number | undefined;
  /**
   * Host name, IP address, or (beginning with `/`) the directory of a Unix socket. All addresses of a name are
   * tried; `host1,host2` is a list of hosts that are tried in turn.
   * @default `PGHOST`, else `localhost`
   */
  host?: string | undefined;
  /** A `postgres://` URL or a socket path. What it says wins over the other keys. */
  connectionString?: string | undefined;
  /**
   * TLS. `true` verifies the certificate against the authorities that Node trusts, and on the way to Supabase against
   * Supabase's root too; a word such as `'verify-full'` means what it means as `sslmode` in a connection string
   * ({@link WithSslMode}); an object has the options of
   * `tls.connect`. Those that can't be honoured are refused with a TypeError, and those that mean nothing to a client
   * are ignored: `docs/compat.md` lists them. A `checkServerIdentity` that refuses is obeyed, whatever
   * `rejectUnauthorized` says.
   * @default from `PGSSLMODE`, else `false`
   */
  ssl?: boolean | ConnectionOptions | undefined;
  /** `direct` starts TLS at once, without asking first (PostgreSQL 17 and later). @default `postgres` */
  sslnegotiation?: 'postgres' | 'direct' | undefined;
  /**
   * Whether SCRAM is bound to the TLS channel (SCRAM-SHA-256-PLUS) where the server offers it. node-postgres does so
   * only when this is true. @default true
   */
  enableChannelBinding?: boolean | undefined;
  /**
   * libpq's setting of that name, before {@link ClientConfig.enableChannelBinding}: `require` refuses a server that
   * lets the client in in any other way than by SCRAM bound to the TLS channel. @default `PGCHANNELBINDING`, else
   * `prefer`
   */
  channel_binding?: 'disable' | 'prefer' | 'require' | undefined;
  /**
   * libpq's setting of that name: the ways to log in that will do, separated by commas: `password`, `md5`,
   * `scram-sha-256`, and `none` where a server need not ask; or those that won't, each behind a `!`. (`gss`, `sspi` and
   * `oauth` may be named; no client of this package can do them.) @default `PGREQUIREAUTH`, else all
   * @throws {TypeError} on connecting, for a list that libpq would refuse
   */
  require_auth?: string | undefined;
  /**
   * Which of several hosts will do, by the state of the server.
   * @default `PGTARGETSESSIONATTRS`, else `any`
   */
  target_session_attrs?:
    'any' | 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby' | undefined;
  /** The most SCRAM iterations a server may ask for; more is an error. 0 = any. @default 100000 */
  scramMaxIterations?: number | undefined;
  /**
   * Give up connecting to a host, or waiting for a pool's connection, after this long. Milliseconds; 0 = never. Where a
   * pooler of Supabase's has no room, it is tried again for as long, from the start on; with 0 for a minute.
   * @default 0
   */
  connectionTimeoutMillis?: number | undefined;
  /** TCP keepalive. @default false */
  keepAlive?: boolean | undefined;
  /** Idle time before the first keepalive probe. Milliseconds; 0 = the system's own. @default 0 */
  keepAliveInitialDelayMillis?: number | undefined;
  /**
   * The server ends a statement that runs longer. Milliseconds; `false` = no limit. This, the two limits below and the
   * settings in `options` are refused in the transaction mode of Supabase's pooler, which can't keep them.
   * @default false
   */
  statement_timeout?: false | number | undefined;
  /** The server ends a statement that waits longer for a lock. Milliseconds. @default none */
  lock_timeout?: number | undefined;
  /** The server ends a session that idles longer inside a transaction. Milliseconds. @default none */
  idle_in_transaction_session_timeout?: number | undefined;
  /** A query that has no answer after this long rejects with `Query read timeout`. Milliseconds. @default none */
  query_timeout?: number | undefined;
  /**
   * How long a query that was cancelled, by its signal or by {@link ClientConfig.query_timeout}, may take to answer
   * before its connection is closed. Milliseconds. @default 5000
   */
  cancelTimeoutMillis?: number | undefined;
  /** Shown in `pg_stat_activity`. @default `PGAPPNAME` */
  application_name?: string | undefined;
  /** Used where no `application_name` is given. */
  fallback_application_name?: string | undefined;
  /** Command line options for the server process, such as `-c search_path=app`. @default `PGOPTIONS` */
  options?: string | undefined;
  /** @default `PGCLIENTENCODING`, else the protocol's UTF8 */
  client_encoding?: string | undefined;
  /** Opens a replication connection: `'database'` or `true`. */
  replication?: string | boolean | undefined;
  /** Asks for results in the binary format. @default false */
  binary?: boolean | undefined;
  /** Parsers for this client's results. @default those of `types` */
  types?: CustomTypesConfig | undefined;
  /** A function that makes the socket, or a socket; the protocol is then spoken in JavaScript. */
  stream?: () => Duplex | undefined;
  /** Sends queries without waiting for the answers of earlier ones. @default false */
  pipeline?: boolean | undefined;
  /**
   * For how long a pooler before the server lends a server connection: for the whole session, or for one transaction.
   * Without this, port 6543 is in transaction mode, and elsewhere it is found out. What would break in transaction mode
   * is done in another way or refused, with code `PGFLEET_TRANSACTION_MODE`.
   * @throws {TypeError} for anything else
   */
  poolMode?: 'session' | 'transaction' | undefined;
  /**
   * Prepares a statement on its connection when its text comes the second time, up to 100 on each connection. Not
   * used by a client with {@link ClientConfig.pipeline} or {@link ClientConfig.stream}. @default false
   * @throws {TypeError} for anything but true and false
   */
  autoPrepare?: boolean | undefined;
  /**
   * Keeps Node's event loop awake, for at most 100 µs, while the answer of a lone query is due, where answers have come
   * in that time. It makes such queries quicker by the time that sleeping and waking take, and keeps a processor busy
   * for as long. Linux and macOS; elsewhere it is never done. @default true
   * @throws {TypeError} for anything but true and false
   */
  busyWait?: boolean | undefined;
}

/** The name that `@types/pg` has for {@link ClientConfig} as well. */
export type ConnectionConfig = ClientConfig;

/** A config whose `ssl` may also be a word of `sslmode`, which the types of `@types/pg` have no place for. */
export type WithSslMode<Config extends ClientConfig> = Omit<Config, 'ssl'> & {
  ssl?:
    Config['ssl'] | 'disable' | 'no-verify' | 'prefer' | 'require' | 'verify-ca' | 'verify-full' | undefined;
};

/** What a client takes where neither config nor environment say anything. Changes count from the next client on. */
export interface Defaults extends ClientConfig {
  /** The older name of {@link PoolConfig.max}. */
  poolSize?: number | undefined;
  /** Unused; kept for programs that set it. */
  poolIdleTimeout?: number | undefined;
  /** Unused; kept for programs that set it. */
  reapIntervalMillis?: number | undefined;
  /** `int8` columns become numbers, not strings; digits above 2^53 are lost. Write only. @default false */
  parseInt8?: boolean | undefined;
  /** A `Date` given as a value is sent in UTC, not in the local time zone. @default false */
  parseInputDatesAsUTC?: boolean | undefined;
}

/** Live: a change counts from the next client on. */
export const defaults: Defaults & ClientConfig;

/** Options of a {@link Pool}; those of its clients are among them. */
export interface PoolConfig extends ClientConfig {
  /** The most connections the pool opens. @default 10 */
  max?: number | undefined;
  /** The pool doesn't close idle connections below this number. @default 0 */
  min?: number | undefined;
  /** Close a connection that was idle for this long. Milliseconds; 0 or null = never. @default 10000 */
  idleTimeoutMillis?: number | undefined | null;
  /** Close a connection when it comes back for the n-th time. @default Infinity */
  maxUses?: number | undefined;
  /** Close a connection of this age once it is idle. Seconds; 0 = never. @default 0 */
  maxLifetimeSeconds?: number | undefined;
  /**
   * The most requests that may wait for a connection; one more is refused at once, with code EMAXWAITING. @default
   * Infinity
   */
  maxWaiting?: number | undefined;
  /**
   * Report a client that was taken and isn't given back after this long, by a process warning (code
   * `PGFLEET_CLIENT_LEAK`) and the pool's `leak` event. Milliseconds; 0 = never. @default 0
   */
  leakTimeoutMillis?: number | undefined;
  /**
   * Use one pool, and so one budget of connections, with every other pool of the process that sets this and names the
   * same server, database, user and settings, in any worker thread. Their `password` functions have to give the same:
   * any of them is asked, and another one as well when it takes longer than a quarter of a second. @default false
   */
  shared?: boolean | undefined;
  /**
   * The most `pool.query` calls that share a connection while all are busy. More than 16 do so only if their texts are
   * reads that wait for nothing and have been quick, all but one in more than a hundred, the way to the server not
   * counted. 1 = none. @default 256
   */
  pipelineDepth?: number | undefined;
  /**
   * Which `pool.query` calls share a connection while all are busy:
   *
   * - `'reads'`: reads that can safely be run twice, as far as their text tells: one `SELECT`, `VALUES`
   *   or `TABLE` that locks no rows, writes nothing and calls none but built-in functions without effects. One that has waited behind another for 20 ms beyond the round trip is sent again on a connection that is free, and the
   *   answer that comes first is its answer.
   * - `'all'`: every single statement that leaves the session as it is, writes included. Nothing is sent again, so a
   *   statement that waits for a lock holds up what shares its connection.
   * - `'none'`: none.
   *
   * @default `'reads'`; `'none'` with `poolMode: 'transaction'`, and on ports 6543 and 6432, where poolers listen
   * @throws {TypeError} for anything else
   */
  sharing?: 'reads' | 'all' | 'none' | undefined;
  /** Idle connections don't keep the process alive. @default false */
  allowExitOnIdle?: boolean | undefined;
  /** Called with one line of text at each step of the pool. */
  log?: ((...messages: any[]) => void) | undefined;
  /** Deprecated by node-postgres: the constructor of the promises that are returned. */
  Promise?: PromiseConstructorLike | undefined;
  /** A client class of the caller's own. */
  Client?: (new () => ClientBase) | undefined;
  /** Called with each new client before its first use; a promise is waited for, and a failure closes the client. */
  onConnect?: ((client: ClientBase) => void) | undefined;
  /**
   * Called with each new {@link PoolClient}; it is handed out when `done` is called, and closed when `done` gets an
   * error. (The client is `any`, so that a pool can be given to a library that was typed with `@types/pg`.)
   */
  verify?: ((client: any, done: (err?: Error) => void) => void) | undefined;
}

/** {@link Pool.options}: the config with its defaults filled in. */
export interface PoolOptions extends PoolConfig {
  max: number;
  maxUses: number;
  allowExitOnIdle: boolean;
  maxLifetimeSeconds: number;
  idleTimeoutMillis: number | null;
}
