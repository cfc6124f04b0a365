/// <reference types="node" />
import { EventEmitter } from 'node:events';
import { Notification, PoolClient } from './client';
import { PoolConfig, PoolOptions, WithSslMode } from './config';
import {
  QueryArrayConfig,
  QueryArrayResult,
  QueryConfig,
  QueryConfigValues,
  QueryResult,
  QueryResultRow,
  Submittable,
} from './query';

/** A stretch of time in which notifications may have been missed. */
export interface ListenGap {
  channel: string;
  /** Why the connection was lost, or why the last attempt to get it back failed. */
  error: Error;
  lostAt: Date;
  /** From here on nothing is missed again. */
  resumedAt: Date;
  /** Attempts that it took. */
  attempts: number;
}

export interface ListenOptions {
  /** Called when a lost connection is back, so that what was missed can be read from the tables. */
  onGap?: ((gap: ListenGap) => void) | undefined;
}

/** What {@link Pool.listen} resolves to. */
export interface Subscription {
  readonly channel: string;
  /**
   * Ends the subscription; the handler isn't called any more. Further calls do nothing.
   * @returns when the server knows
   */
  unlisten(): Promise<void>;
  /** `await using subscription = await pool.listen(…)` ends it with the block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Connections to one database that are made when they are needed and kept for the next user. */
export class Pool extends EventEmitter {
  /** @param config options of the pool and of its clients. Nothing is opened yet. */
  constructor(config?: WithSslMode<PoolConfig>);

  /** Open connections, those that are being made included. */
  readonly totalCount: number;
  /** Idle connections. */
  readonly idleCount: number;
  /** Requests that wait for a connection. */
  readonly waitingCount: number;
  /** Connections past {@link PoolConfig.maxLifetimeSeconds} that are still in use. */
  readonly expiredCount: number;
  /** {@link Pool.end} was called. */
  readonly ending: boolean;
  /** {@link Pool.end} is done. */
  readonly ended: boolean;
  options: PoolOptions;

  /**
   * Checks a client out. Call its `release` when done, in every case.
   * @throws what {@link Client.connect} throws, `timeout exceeded when trying to connect` when none became free in
   *   {@link ClientConfig.connectionTimeoutMillis}, or `Cannot use a pool after calling end on the pool`
   */
  connect(): Promise<PoolClient>;
  connect(
    callback: (err: Error | undefined, client: PoolClient | undefined, done: (release?: any) => void) => void,
  ): void;
  /** @param options aborting the signal rejects with its reason and gives up the place in the queue */
  connect(options: { signal?: AbortSignal | undefined }): Promise<PoolClient>;

  /**
   * Takes no more requests, serves those that wait, and closes each connection once it is idle.
   * @returns when all of them are closed
   * @throws `Called end on pool more than once`
   */
  end(): Promise<void>;
  end(callback: () => void): void;
  /** `await using pool = new Pool(…)` ends it with the block; no error when it was ended before. */
  [Symbol.asyncDispose](): Promise<void>;

  /**
   * Listens to a channel, over a connection that the pool opens for this besides its others (one for all channels).
   * When that is lost, it is made again, for as long as it takes, and every channel is listened to again. It keeps the
   * process alive, and goes with the last subscription or with the pool. Poolers must be in session mode.
   *
   * @param channel the name as it is, not as an SQL identifier; at most 63 bytes
   * @param handler called with each notification
   * @returns the subscription, when the server listens
   * @throws {TypeError} with code `PGFLEET_TRANSACTION_MODE` behind a pooler in transaction mode; at Supabase's hosts the
   *   connection goes to their session port instead
   * @throws {TypeError} when an argument is wrong
   * @throws what {@link Client.connect} throws, when there is no connection yet and none can be made
   */
  listen(
    channel: string,
    handler: (notification: Notification) => void,
    options?: ListenOptions,
  ): Promise<Subscription>;

  /**
   * Runs one query on any connection of the pool. For a transaction, check a client out.
   * @param queryStream a cursor, stream or `Query`
   */
  query<T extends Submittable>(queryStream: T): T;
  /**
   * @param queryConfig a query with `rowMode: 'array'`
   * @param values one value for each placeholder
   * @returns the result with rows as arrays
   * @throws {DatabaseError} what the server said, or what {@link Pool.connect} throws
   */
  query<R extends any[] = any[], I = any[]>(
    queryConfig: QueryArrayConfig<I>,
    values?: QueryConfigValues<I>,
  ): Promise<QueryArrayResult<R>>;
  query<R extends QueryResultRow = any, I = any[]>(queryConfig: QueryConfig<I>): Promise<QueryResult<R>>;
  /**
   * @param queryTextOrConfig the SQL or a config object
   * @param values one value for each placeholder
   * @returns the result; an array of results when the text has several statements
   * @throws {DatabaseError} what the server said, or what {@link Pool.connect} throws
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

  /** `connect`: a new connection is made. `acquire`: a client is handed out. `remove`: a connection was closed. */
  on(event: 'connect' | 'acquire' | 'remove', listener: (client: PoolClient) => void): this;
  /** `release`: a client came back, with what `release` was given. `error`: an idle connection broke. */
  on(event: 'release' | 'error', listener: (err: Error, client: PoolClient) => void): this;
  /**
   * A client wasn't given back within {@link PoolConfig.leakTimeoutMillis}. The stack of the error leads to where it
   * was taken.
   */
  on(event: 'leak', listener: (client: PoolClient, error: Error) => void): this;
  /** Listeners that were typed with `@types/pg`. */
  on(event: 'connect' | 'acquire' | 'remove' | 'release' | 'error', listener: (...args: any[]) => void): this;
}
