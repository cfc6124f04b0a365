/// <reference types="node" />
import { EventEmitter } from 'node:events';
import { Duplex, DuplexOptions, Readable, ReadableOptions, Writable, WritableOptions } from 'node:stream';
import { CustomTypesConfig } from './config';
import { QueryResult, Submittable } from './query';

export interface CursorQueryConfig {
  /** `'array'` for rows as arrays. */
  rowMode?: 'array' | undefined;
  /** Parsers for this cursor's rows. @default those of the client */
  types?: CustomTypesConfig | undefined;
  /** Constructor of the promises that come back. @default `Promise` */
  Promise?: PromiseConstructorLike | undefined;
}

/**
 * Rows in pages, with the API of `pg-cursor`. Give it to `client.query`; nothing else runs on the client until the
 * cursor is closed or read to its end. Emits `'row'`, `'end'` and, if there is a listener, `'error'`.
 */
export class Cursor<Row = any> extends EventEmitter implements Submittable {
  readonly text: string;
  /** The values as they are sent. */
  readonly values: (string | Buffer | null)[] | null;
  /** The client's connection; null before its turn has come. */
  readonly connection: any;
  readonly state: 'initialized' | 'idle' | 'busy' | 'error' | 'done';
  /** Told of the end; `client.query(cursor, callback)` sets it, and a pool does. */
  callback: ((err: any, result?: QueryResult) => void) | undefined;
  /**
   * @param text the SQL
   * @param values one value for each placeholder
   */
  constructor(text: string, values?: any[] | null, config?: CursorQueryConfig);
  /** For the client. */
  submit: (connection: any) => any;
  /** For the client. */
  handleReadyForQuery: (connection?: any) => void;
  /** For the client. */
  handleError: (error: any, connection?: any) => void;
  /**
   * @param maxRows the most rows to read; 0 = all that are left
   * @returns the next rows; none when the end is reached. Reads that don't wait for each other get theirs in order.
   * @throws {DatabaseError} what the server said
   */
  read(maxRows: number): Promise<Row[]>;
  read(
    maxRows: number,
    callback: (err: Error | undefined, rows: Row[], result: QueryResult) => void,
  ): undefined;
  /**
   * Ends the query on the server, read to its end or not. The client can be used for other queries then.
   *
   * @throws {Error} the connection was lost meanwhile
   */
  close(): Promise<void>;
  close(callback: (err: Error) => void): undefined;
  /** @deprecated call `end` of the client itself */
  end(callback: () => void): void;
}

export interface QueryStreamConfig extends CursorQueryConfig {
  /** Rows that are fetched at a time. @default 100 */
  batchSize?: number | undefined;
  /** The same under the name that streams have for it. */
  highWaterMark?: number | undefined;
}

/**
 * Rows as a stream of objects, with the API of `pg-query-stream`. Give it to `client.query`. Destroying it, or leaving
 * a loop over it, ends the query on the server.
 */
export class QueryStream extends Readable implements Submittable {
  /** What the rows come from. */
  readonly cursor: Cursor;
  readonly text: string;
  /** The values as they are sent. */
  readonly values: (string | Buffer | null)[] | null;
  /** Told of the end; `client.query(stream, callback)` sets it. */
  callback: ((err: any, result?: QueryResult) => void) | undefined;
  constructor(text: string, values?: any[] | null, config?: QueryStreamConfig);
  /** For the client. */
  submit: (connection: any) => any;
  /** For the client. */
  handleReadyForQuery: (connection?: any) => void;
  /** For the client. */
  handleError: (error: any, connection?: any) => void;
}

export interface CopyStream extends Submittable {
  readonly text: string;
  /** Rows that were copied, once it has ended. */
  rowCount: number;
  /** Told of the end; `client.query(stream, callback)` sets it, and a pool does. */
  callback: ((err: any, result?: QueryResult) => void) | undefined;
}

/**
 * Streams for `COPY`, with the API of `pg-copy-streams`. Give them to `client.query`. They end when the client is free
 * for other queries; destroying one has the server undo or stop its work.
 */
export const copyStreams: {
  /**
   * @param text a `COPY … FROM STDIN`, one in a text
   * @returns a stream to write the data into. It finishes when the server has said that the rows are there, and fails in
   *   every other case: with the server's error, or with that of the connection if it is lost before. Then the rows
   *   may be there or not when all of them had been written.
   */
  from(text: string, options?: WritableOptions): Writable & CopyStream;
  /**
   * @param text a `COPY … TO STDOUT`
   * @returns a stream to read the data from
   */
  to(text: string, options?: ReadableOptions): Readable & CopyStream;
  /**
   * @param text a command of a replication connection, such as `START_REPLICATION`
   * @param options `alignOnCopyDataFrame`: each message from the server is a chunk of its own
   * @returns a stream for both directions; each chunk that is written is a message of its own. It finishes when the
   *   server has said that the command is complete.
   */
  both(text: string, options?: DuplexOptions & { alignOnCopyDataFrame?: boolean }): Duplex & CopyStream;
};
