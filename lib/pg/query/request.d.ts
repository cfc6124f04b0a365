// What a client and its queue, a pool and their requests know of each other.

/// <reference types="node" />

import { EventEmitter } from 'node:events';
import { PgError } from '../../errors';
import { Connection as NativeConnection } from '../../native/addon';
import { Status } from '../../native/receiver';
import { Settling } from '../call/settlement';
import Connection = require('../client/connection');
import MessageCore = require('../messages/message-core');
import DdlRequest = require('./ddl-request');
import { Callback } from './query-config';
import Result = require('./result');

/** What a client works with: a native connection, or what stands in for one where the program brings the transport. */
export type Core = NativeConnection | MessageCore;

/** What stands in a client's queue: a query, a script, or a submittable. */
export interface QueuedRequest extends Settling {
  readonly owner: RequestOwner;
  /** Of its prepared statement. */
  readonly name?: string | undefined;
  readonly text?: string | undefined;
  /** The program's own object. */
  readonly query?: Submittable;
  callback?: Callback | undefined;
  _timer: NodeJS.Timeout | undefined;
  /** Whether the server has refused it, and only ReadyForQuery is still to come. */
  readonly isRefused?: boolean;
  /** @returns what is wrong with it, or null */
  prepare(): unknown;
  /** @returns what it uses that can't be pipelined, as the subject of a sentence; otherwise null */
  pipelineObstacle(): string | null;
  send(core: NativeConnection, pipelined: boolean): void;
  handleError(error: unknown): void;
  handleReadyForQuery(): void;
  /** Fails it with the reason of a signal. */
  abort?(reason: unknown): void;
}

/** What tells a request how it ended: a client, or a pool. */
export interface RequestOwner {
  _requestDone(request: QueuedRequest, status: Status): void;
  _requestFailed(request: QueuedRequest, error: PgError, status: Status): void;
}

/** The same for scripts. */
export interface ScriptOwner extends RequestOwner {
  /** How long a cancelled script may take to answer, in milliseconds. */
  readonly _cancelTimeoutMillis: number;
  /** @param error null when the script was committed all the same */
  _scriptLost(request: DdlRequest, error: PgError | null): void;
}

/** Gets a message, the connection, or both. (As a method, so that one for a certain message is one.) */
export type MessageHandler = { handle(first: unknown, connection?: Connection): unknown }['handle'];

/** What a submittable may want to be told, each by the message of the server that it is about. */
export interface MessageHandlers {
  handleRowDescription?: MessageHandler;
  handleDataRow?: MessageHandler;
  handlePortalSuspended?: MessageHandler;
  handleEmptyQuery?: MessageHandler;
  handleCommandComplete?: MessageHandler;
  handleCopyInResponse?: MessageHandler;
  handleCopyData?: MessageHandler;
}

/** A program's object that writes its own messages and handles the server's. */
export interface Submittable extends MessageHandlers {
  /** @returns what keeps it from being sent, if anything does */
  submit(connection: Connection): unknown;
  text?: string | undefined;
  name?: string | undefined;
  /** Of a page. */
  rows?: number | undefined;
  binary?: boolean | undefined;
  query_timeout?: number | undefined;
  callback?: Callback | undefined;
  /** In npm's streams, which keep their text there. */
  cursor?: { text?: string };
  /** Where a query of node-postgres's kind keeps its parsers. */
  _result?: Result;
  /** Whether it reports its failure itself, so that the promise's rejection needs no handler. */
  _tellsFailure?: boolean;
  once?: EventEmitter['once'];
  on?: EventEmitter['on'];
  handleError(error: unknown, connection: Connection): void;
  handleReadyForQuery(connection: Connection): void;
}
