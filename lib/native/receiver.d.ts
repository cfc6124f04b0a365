// What the binding calls while an answer comes in. A request implements the calls of its kind; `done` or `fail` is the
// last one, and comes once.

/// <reference types="node" />

import { PgError } from '../errors';
import rows = require('../rows/rows');
import { Types } from '../rows/types';
import { Certificate, Connection, Failure, Notification } from './addon';

type Batch = InstanceType<typeof rows.Batch>;
type Shape = InstanceType<typeof rows.Shape>;

/** `I`, `T` or `E`; null when the connection is gone. */
export type Status = string | null;

/** The part of every request. */
export interface EndReceiver {
  /** It has succeeded. */
  done(status: Status): void;
  /** It has failed. */
  fail(error: PgError, status: Status): void;
}

/** A request whose outcome is one value. */
export interface ValueReceiver<T> {
  done(value: T): void;
  fail(error: PgError, status: Status): void;
}

/** A query: result sets, each with its columns, its rows in batches, and its end. */
export interface QueryReceiver extends EndReceiver {
  /** Makes the rows of the result set under way; the binding forgets it when another one begins. */
  decoder?: RowDecoder | undefined;
  /** The parsers of its values. */
  types?: Types | undefined;
  /** `array` for rows as arrays. */
  rowMode?: string | undefined;
  /** A result set begins. */
  fields(shape: Shape): void;
  /** Rows have come, which it takes by `batch.into` or which are passed over. */
  rows(shape: Shape, batch: Batch): void;
  /** CommandComplete: a statement is done. */
  complete(command: string | null, rowCount: number | null, oid: number | null): void;
  /** EmptyQueryResponse. */
  empty(): void;
  /** PortalSuspended: the page is full; of a COPY, that the server sends no more data. */
  suspended(): void;
  /** The native side has refused to send data for a COPY; the server's error about it follows. */
  copyIn(): void;
}

/** Messages as bytes, for code that speaks the protocol itself on a native connection. */
export interface RawReceiver extends EndReceiver {
  /** Its turn in the connection's queue has come. */
  started(): void;
  /** Whole messages. */
  data(bytes: Buffer): void;
}

/** A COPY. */
export interface CopyReceiver extends QueryReceiver, RawReceiver {
  /** There is room for more data. */
  drained(): void;
}

/** A script, parts of which may be tried again. */
export interface ScriptReceiver extends QueryReceiver {
  /** Results from here on may be dropped. */
  mark(): void;
  /** Results since the mark are dropped. */
  rewind(): void;
}

/** What may be put into the table of requests. */
export type Receiver =
  | EndReceiver
  | ValueReceiver<Connection>
  | ValueReceiver<string>
  | QueryReceiver
  | RawReceiver
  | CopyReceiver
  | ScriptReceiver;

/** What ends a request: its status, or its one value. */
export type Outcome = Status | Connection | undefined;

/** What the table of requests is read as: the addon sends to each request the records of its kind alone. */
export interface AnyReceiver extends Omit<CopyReceiver, 'done'>, Pick<ScriptReceiver, 'mark' | 'rewind'> {
  done(outcome: Outcome): void;
}

export interface RowDecoder {
  /** Appends the next `count` rows of the batch. */
  decode(batch: Batch, count: number, rows: unknown[]): void;
}

/** Is told what happens on a connection beside its answers. */
export type ConnectionListener = {
  /** @param length of the message, in bytes */
  notice(fields: string, length: number): void;
  notification(notification: Notification): void;
  parameter(name: string, value: string): void;
  lost(error: PgError): void;
  closed(): void;
  /** Gives the password, null for none; as a promise. */
  password(): Promise<string | null>;
  /** Throws what the program's check has found. */
  identity(certificate: Certificate): void;
};

/** Is told what happens in a pool. */
export type PoolListener = {
  removed(connection: number): void;
  idleError(connection: number, failure: Failure): void;
  /** Gives the password, null for none; as a promise. */
  password(): Promise<string | null>;
  /** Throws what the program's check has found. */
  identity(certificate: Certificate): void;
  opening(connection: number): void;
  /** The pooler of the pool's project. */
  found(connection: number, host: string): void;
  opened(connection: number, processID: number): void;
  notOpened(connection: number, failure: Failure): void;
};
