/// <reference types="node" />
import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { ConnectionConfig } from './config';

/** A Parse message. */
export interface QueryParse {
  name: string;
  text: string;
  types: string[];
}

/** A Bind message. */
export interface BindConfig {
  portal?: string | undefined;
  statement?: string | undefined;
  binary?: string | undefined;
  values?: Array<Buffer | null | undefined | string> | undefined;
  valueMapper?: ((param: any, index: number) => any) | undefined;
}

/** An Execute message. */
export interface ExecuteConfig {
  portal?: string | undefined;
  /** The most rows to send before the portal is suspended. */
  rows?: string | undefined;
}

/** What a Describe or Close message names: a statement (`S`) or a portal (`P`). */
export interface MessageConfig {
  type: string;
  name?: string | undefined;
}

/**
 * The protocol connection that a {@link Submittable} gets. Each method sends one message of the
 * [frontend protocol](https://www.postgresql.org/docs/current/protocol-message-formats.html); each message of the
 * server is an event of its name (`rowDescription`, `dataRow`, `commandComplete`, `readyForQuery`, …).
 */
export class Connection extends EventEmitter {
  readonly stream: Duplex;

  constructor(config?: ConnectionConfig);

  parse(query: QueryParse, more: boolean): void;
  bind(config: BindConfig | null, more: boolean): void;
  describe(msg: MessageConfig, more: boolean): void;
  execute(config: ExecuteConfig | null, more: boolean): void;
  close(msg: MessageConfig, more: boolean): void;
  /** Sends a simple query. */
  query(text: string): void;
  flush(): void;
  sync(): void;
  end(): void;
  /** Sends one chunk of COPY data. */
  sendCopyFromChunk(chunk: Buffer): void;
  /** Says that the COPY data is complete. */
  endCopyFrom(): void;
  /** @param msg the reason, which the server puts into its error */
  sendCopyFail(msg: string): void;
}
