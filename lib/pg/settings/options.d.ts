// What programs configure, as far as this package reads it. Values come from the program: they are checked where they
// are used.

import { Types } from '../../rows/types';
import Connection = require('../client/connection');
import { MakeStream, Stream } from '../client/connection';
import ConnectionParameters = require('./connection-parameters');

/** Gives the password when a server wants it. */
export type PasswordFunction = (parameters: ConnectionParameters) => unknown;

/** What is in every set of options: those that the environment and the defaults can set. */
export interface ServerOptions {
  user?: string;
  database?: string;
  password?: string | PasswordFunction | null;
  /** One, or as many as there are hosts, separated by commas. */
  port?: number | string;
  /** One, or several, separated by commas. */
  host?: string;
  binary?: boolean;
  /** Command line options for the server process. */
  options?: string;
  /** Options of `tls.connect`, true or false, or a word of `sslmode`. */
  ssl?: unknown;
  sslnegotiation?: string;
  client_encoding?: string;
  replication?: string | boolean;
  application_name?: string;
  fallback_application_name?: string;
  /** Milliseconds, as all of these. */
  statement_timeout?: number | false;
  lock_timeout?: number | false;
  idle_in_transaction_session_timeout?: number | false;
  query_timeout?: number | false;
  target_session_attrs?: string;
  channel_binding?: string;
  require_auth?: string;
}

/** Options of a client. */
export interface ClientOptions extends ServerOptions {
  connectionString?: string;
  /** As `target_session_attrs`. */
  targetSessionAttrs?: string;
  connectionTimeoutMillis?: number;
  cancelTimeoutMillis?: unknown;
  keepAlive?: boolean;
  keepAliveInitialDelayMillis?: unknown;
  enableChannelBinding?: boolean;
  scramMaxIterations?: unknown;
  pipeline?: unknown;
  poolMode?: unknown;
  autoPrepare?: unknown;
  busyWait?: unknown;
  types?: Types;
  Promise?: PromiseConstructor;
  /** The way to the server: a stream, or a function that makes one. */
  stream?: Stream | MakeStream;
  /** What a manager says of the Supabase project, see project.js. */
  supabaseProject?: unknown;
  /** A connection of the program's. */
  connection?: Connection;
}

/** What an option is when neither the configuration nor the environment says anything. */
export interface Defaults extends ServerOptions {
  connectionString: string | undefined;
  /** Of a page. */
  rows: number;
  /** Connections of a pool. */
  max: number;
  idleTimeoutMillis: number;
  parseInputDatesAsUTC: boolean;
  connect_timeout: number;
  keepalives: number;
  keepalives_idle: number;
}
