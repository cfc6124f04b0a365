/// <reference types="node" />
import { EventEmitter } from 'node:events';
import { PoolClient } from './client';
import { PoolConfig, PoolOptions } from './config';
import {
  QueryArrayConfig,
  QueryArrayResult,
  QueryConfig,
  QueryConfigValues,
  QueryResult,
  QueryResultRow,
  Submittable,
} from './query';

/** Connections to one database that are made when they are needed and kept for the next user. */
export class Pool extends EventEmitter {
  /** @param config options of the pool and of its clients. Nothing is opened yet. */
  constructor(config?: PoolConfig);

  /** Open connections, those that are being made included. */
  readonly totalCount: number;
  /** Connections that nobody uses. */
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

  /**
   * Takes no more requests, serves those that wait, and closes each connection once it is idle.
   * @returns when all of them are closed
   * @throws `Called end on pool more than once`
   */
  end(): Promise<void>;
  end(callback: () => void): void;

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
  /** Listeners that were typed with `@types/pg`. */
  on(event: 'connect' | 'acquire' | 'remove' | 'release' | 'error', listener: (...args: any[]) => void): this;
}
