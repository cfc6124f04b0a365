/// <reference types="node" />
import { EventEmitter } from 'node:events';
import * as pgTypes from 'pg-types';
import { CustomTypesConfig } from './config';

/** The values of a query whose parameters have the tuple type `T`. */
export type QueryConfigValues<T> = T extends Array<infer _> ? T : never;

/** A query as an object. It is read when the query is made, and never changed. */
export interface QueryConfig<I = any[]> {
  /** The SQL, with `$1`, `$2`, … for values. It may be left out when a statement of this name was prepared. */
  text: string;
  /** One value for each placeholder. */
  values?: QueryConfigValues<I>;
  /** Prepares the statement once a connection under this name, and uses it from then on. */
  name?: string | undefined;
  /** Parsers for this query's result. */
  types?: CustomTypesConfig | undefined;
  /** `'extended'` uses the extended protocol even where there are no values. */
  queryMode?: 'extended' | undefined;
  /** Fetches this many rows at a time. 0 = all at once. @default 0 */
  rows?: number | undefined;
  /** Name of the portal. @default the unnamed one */
  portal?: string | undefined;
  /** Asks for the result in the binary format. @default the client's own setting */
  binary?: boolean | undefined;
  /** This query's limit, before {@link ClientConfig.query_timeout}. Milliseconds. */
  query_timeout?: number | undefined;
  /**
   * Aborting rejects the query with the signal's reason at once, and has the server stop its work. The connection takes
   * its next query when that has happened. A query that is still waiting isn't sent.
   */
  signal?: AbortSignal | undefined;
}

/** A query whose rows come as arrays of values, in the order of the columns. */
export interface QueryArrayConfig<I = any[]> extends QueryConfig<I> {
  rowMode: 'array';
}

/** A column of a result, as the server describes it. */
export interface FieldDef {
  name: string;
  /** OID of the table, or 0 for an expression. */
  tableID: number;
  /** Number of the column in its table, or 0. */
  columnID: number;
  /** OID of the type. */
  dataTypeID: number;
  /** Bytes of a value; negative for types of variable length. */
  dataTypeSize: number;
  /** `atttypmod`, -1 where there is none. */
  dataTypeModifier: number;
  /** `'text'` or `'binary'`. */
  format: string;
}

export interface QueryResultBase {
  /** First word of the command tag, such as `SELECT` or `CREATE`. */
  command: string;
  /** Rows that were returned or changed; null where the command doesn't say. */
  rowCount: number | null;
  /** OID of the row that an old-style INSERT made. */
  oid: number;
  fields: FieldDef[];
}

export interface QueryResultRow {
  [column: string]: any;
}

export interface QueryResult<R extends QueryResultRow = any> extends QueryResultBase {
  rows: R[];
}

export interface QueryArrayResult<R extends any[] = any[]> extends QueryResultBase {
  rows: R[];
}

export interface ResultBuilder<R extends QueryResultRow = any> extends QueryResult<R> {
  addRow(row: R): void;
}

/** What a query resolves to. Several statements in one text resolve to an array of these. */
export class Result<R extends QueryResultRow = any> implements QueryResult<R> {
  command: string;
  rowCount: number | null;
  oid: number;
  fields: FieldDef[];
  rows: R[];

  /**
   * @param rowMode `'array'` for rows as arrays
   * @param types where the parsers come from
   */
  constructor(rowMode: string, types: typeof pgTypes);
}

/**
 * Anything that can be given to `client.query` and talks to the connection itself, such as a cursor. `submit` gets a
 * {@link Connection}; it is `any` here, so that what was typed with `@types/pg` fits, and the other way round.
 */
export interface Submittable {
  submit: (connection: any) => void;
}

/** A query with events, for reading rows one by one as they arrive. Give it to `client.query`. */
export class Query<R extends QueryResultRow = any, I extends any[] = any>
  extends EventEmitter
  implements Submittable
{
  /**
   * @param queryTextOrConfig the SQL or a config object
   * @param callback called once, with the error or the result; without it, the `error` event tells of a failure
   */
  constructor(
    queryTextOrConfig?: string | QueryConfig<I>,
    callback?: (error: Error | undefined, result: ResultBuilder<R>) => void,
  );
  /**
   * @param queryTextOrConfig the SQL or a config object
   * @param values one value for each placeholder
   * @param callback called once, with the error or the result
   */
  constructor(
    queryTextOrConfig?: string | QueryConfig<I>,
    values?: I,
    callback?: (error: Error | undefined, result: ResultBuilder<R>) => void,
  );

  /** For the client: starts the query on a {@link Connection}. */
  submit: (connection: any) => void;

  /** A row arrived. */
  on(event: 'row', listener: (row: R, result?: ResultBuilder<R>) => void): this;
  /** The query failed. */
  on(event: 'error', listener: (err: Error) => void): this;
  /** The query is complete. */
  on(event: 'end', listener: (result: ResultBuilder<R>) => void): this;
}
