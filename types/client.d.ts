/// <reference types="node" />
import { EventEmitter } from 'node:events';
import { Readable, Writable } from 'node:stream';
import * as pgTypes from 'pg-types';
import { NoticeMessage } from 'pg-protocol/dist/messages.js';
import { ClientConfig, WithSslMode } from './config';
import { Connection } from './connection';
import { escapeIdentifier, escapeLiteral } from './escape';
import {
  QueryArrayConfig,
  QueryArrayResult,
  QueryConfig,
  QueryConfigValues,
  QueryResult,
  QueryResultRow,
  Submittable,
} from './query';

/** A message of `NOTIFY`. */
export interface Notification {
  /** Backend process of the sender. */
  processId: number;
  channel: string;
  payload?: string | undefined;
}

/** In no transaction, in one, in a failed one; null before the first answer of the server. */
export type TransactionStatus = 'I' | 'T' | 'E' | null;

/** What {@link Client} and {@link PoolClient} have in common. A type only: node-postgres exports no such class. */
declare class ClientBase extends EventEmitter {
  constructor(config?: string | WithSslMode<ClientConfig>);

  /**
   * Connects and logs in. Queries may be made before it is done; they wait.
   * @returns the client itself
   * @throws the system's error (`ECONNREFUSED`, `ENOTFOUND`, …), `timeout expired`, or a {@link DatabaseError}
   *   such as 28P01 for a wrong password. The client can't be used again.
   */
  connect(): Promise<ClientBase>;
  connect(callback: ((err: Error) => void) | ((err: null, c: ClientBase) => void)): void;

  /**
   * Runs a query. Queries of one client run one after another, in the order they were made.
   * @param queryStream a cursor, stream or `Query`
   * @returns what was given
   */
  query<T extends Submittable>(queryStream: T): T;
  /**
   * @param queryConfig a query with `rowMode: 'array'`
   * @param values one value for each placeholder
   * @returns the result with rows as arrays; an array of results when the text has several statements
   * @throws {DatabaseError} what the server said
   */
  query<R extends any[] = any[], I = any[]>(
    queryConfig: QueryArrayConfig<I>,
    values?: QueryConfigValues<I>,
  ): Promise<QueryArrayResult<R>>;
  query<R extends QueryResultRow = any, I = any>(queryConfig: QueryConfig<I>): Promise<QueryResult<R>>;
  /**
   * @param queryTextOrConfig the SQL or a config object
   * @param values one value for each placeholder
   * @returns the result; an array of results when the text has several statements
   * @throws {DatabaseError} what the server said
   */
  query<R extends QueryResultRow = any, I = any[]>(
    queryTextOrConfig: string | QueryConfig<I>,
    values?: QueryConfigValues<I>,
  ): Promise<QueryResult<R>>;
  query<R extends any[] = any[], I = any[]>(
    queryConfig: QueryArrayConfig<I>,
    callback: (err: Error, result: QueryArrayResult<R>) => void,
  ): void;
  query<R extends QueryResultRow = any, I = any[]>(
    queryTextOrConfig: string | QueryConfig<I>,
    callback: (err: Error, result: QueryResult<R>) => void,
  ): void;
  query<R extends QueryResultRow = any, I = any[]>(
    queryText: string,
    values: QueryConfigValues<I>,
    callback: (err: Error, result: QueryResult<R>) => void,
  ): void;

  /** @deprecated `@types/pg` declares it, but node-postgres has no such method: calling it is a TypeError. */
  copyFrom(queryText: string): Writable;
  /** @deprecated `@types/pg` declares it, but node-postgres has no such method: calling it is a TypeError. */
  copyTo(queryText: string): Readable;
  /** @deprecated `@types/pg` declares it, but node-postgres has no such method: calling it is a TypeError. */
  pauseDrain(): void;
  /** @deprecated `@types/pg` declares it, but node-postgres has no such method: calling it is a TypeError. */
  resumeDrain(): void;

  /** See {@link escapeIdentifier} of the module. */
  escapeIdentifier: typeof escapeIdentifier;
  /** See {@link escapeLiteral} of the module. */
  escapeLiteral: typeof escapeLiteral;
  /** Sets a parser for this client alone. */
  setTypeParser: typeof pgTypes.setTypeParser;
  getTypeParser: typeof pgTypes.getTypeParser;

  /** @returns the state that the server's last answer told */
  getTransactionStatus(): TransactionStatus;

  /** `connect`: connected. `drain`: the last queued query has finished. `end`: the connection is closed. */
  on(event: 'connect' | 'drain' | 'end', listener: () => void): this;
  /** The connection broke while no query was there to take the error. */
  on(event: 'error', listener: (err: Error) => void): this;
  /** The server sent a notice. */
  on(event: 'notice', listener: (notice: NoticeMessage) => void): this;
  /** A channel that this client listens to was notified. */
  on(event: 'notification', listener: (message: Notification) => void): this;
}
export type { ClientBase };

/** One connection. */
export class Client extends ClientBase {
  user?: string | undefined;
  database?: string | undefined;
  port: number;
  host: string;
  /** Not enumerable, so that it isn't printed. */
  password?: string | undefined;
  /** False, true, or the TLS options (the type is that of `@types/pg`). */
  ssl: boolean;
  readonly pipeline: boolean;
  /** The protocol connection, for submittables. */
  readonly connection: Connection;
  /** Process of the server that serves this connection; null before it is known. */
  processID: number | null;

  /** @param config a config object, a connection URL or a socket path */
  constructor(config?: string | WithSslMode<ClientConfig>);

  connect(): Promise<Client>;
  connect(callback: ((err: Error) => void) | ((err: null, c: Client) => void)): void;
  /**
   * @param options aborting the signal rejects with its reason and closes the socket
   */
  connect(options: { signal?: AbortSignal | undefined }): Promise<Client>;

  /**
   * Sends Terminate and closes the connection. A query that is running is cut off.
   * @returns when the socket is closed
   */
  end(): Promise<void>;
  end(callback: (err: Error) => void): void;

  /** The open connection keeps the process alive (as it does from the start). */
  ref(): void;
  /** The open connection alone doesn't keep the process alive. */
  unref(): void;

  /**
   * `await using client = new Client(…)` ends it with the block; `await using client = await pool.connect()` gives it
   * back, unless the block has done so.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A client that was checked out of a {@link Pool}. */
export interface PoolClient extends Client {
  /**
   * Gives the client back. It mustn't be used from then on.
   * @param err true or an error closes the connection instead of keeping it
   * @throws when it was given back before
   */
  release(err?: Error | boolean): void;
  /** `using client = await pool.connect()` gives it back with the block, unless the block has done so. */
  [Symbol.dispose](): void;
}

/** A type only: node-postgres exports no such class. */
declare class Events extends EventEmitter {
  on(event: 'error', listener: (err: Error, client: Client) => void): this;
}
export type { Events };
