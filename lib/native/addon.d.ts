// What the addon exports, and what crosses between it and lib/native/binding.js: in step with src/node/. The types that
// the two sides check by themselves have their names; a spec compares the methods with those of the addon.

/// <reference types="node" />

export interface Addon {
  layout(): Layout;
  /** Of the package that it was built for. */
  version(): string;
  Environment: new (
    drain: Drain,
    ints: Int32Array,
    floats: Float64Array,
    generates: boolean,
    polls: boolean,
    words: Int32Array,
    bytes: Uint8Array,
  ) => Environment;
  Connection: { prototype: Connection };
  Pool: { prototype: Pool };
  /** The reason for which a script is refused before anything is sent. */
  refusalOfScript(script: string, inTransaction: boolean): Failure | null;
  /** @param isLost whether the connection was lost, in place of a refusal by the server */
  fateOfScript(script: string, inTransaction: boolean, isLost: boolean): Fate;
  /** Why a text is refused where a pooler in transaction mode would break it. */
  refusalInTransactionMode(text: string): Failure | null;
  /** The port of the same host that is in session mode, if this one is in transaction mode. */
  sessionPort(host: string, port: number): number | null;
  /** Whether data for a COPY stands in a script. */
  hasCopyData(script: string): boolean;
  /** The parts that a script is run in. */
  piecesOfScript(script: string, mode: ScriptMode): ScriptPiece[];
  /** What the statements of a script are and do. */
  analyzeScript(script: string, serverVersion: number, inTransaction: boolean, rules: string[]): Analysis;
  /** The first name that no rule has. */
  unknownRule(names: string[]): string | null;
  /** How many statements a script has. */
  statementCount(script: string): number;
  /** What an error of a connection that JavaScript makes means, if its server is a Supabase project's. */
  supabaseAdvice(way: SupabaseWay, failure: SupabaseFailure): import('../../index').SupabaseAdvice | null;
  /** The root that is trusted on the way to this host besides the usual ones, in PEM. */
  furtherRoot(host: string): string | null;
}

/** How a connection goes to its server. */
export interface SupabaseWay {
  host: string;
  port: number;
  user: string;
  poolMode?: string;
}

/** What is to be known of its error. */
export interface SupabaseFailure {
  /** Only of the server's errors. */
  severity?: string;
  code?: string;
  message: string;
}

/** A database's configuration as it was given. */
export interface GivenConfiguration {
  connectionString?: string;
  host?: string;
  user?: string;
  password?: string;
  database?: string;
  /** A project's. */
  reference?: string;
  /** What `ssl` wants. */
  tls?: 'off' | 'unverified' | 'verified';
  /** Temporary access is asked for, so that a token may be the password. */
  hasJit: boolean;
  /** The password comes from a function, or from where a reference leads. */
  suppliesPassword: boolean;
  /** `target_session_attrs` is given, and a standby will do for it. */
  takesStandby: boolean;
  /** The program makes the way to the server: a stream, or clients of a class of its own. */
  hasOwnWay: boolean;
  /** Why no settings could be made of it. */
  refusal?: KnownFailure;
}

/** An error that JavaScript has. */
export interface KnownFailure {
  /** Absent where the program itself has thrown it. */
  kind?: Kind;
  /** Only of the server's errors. */
  severity?: string;
  code?: string;
  message: string;
}

/** What is to be diagnosed; times are milliseconds. */
export interface DiagnosisOrder {
  given: GivenConfiguration;
  /** The error of a login that has just failed. */
  failure?: KnownFailure;
  /** How long connections of its pool were idle that were lost. */
  lostIdle: number[];
  timeout: number;
  authAttempts?: number;
}

/** One of the two. */
export interface Analysis {
  statements?: AnalyzedStatements;
  refusal?: { message: string; code: string };
}

/** All statements of a script together. */
export interface AnalyzedStatements {
  /**
   * Eight for each: start, end, line, column, index of its kind, whether transactional, count of locks, of findings.
   */
  numbers: Uint32Array;
  kinds: { kind: string; class: import('../../index').StatementClass }[];
  locks: { relation: string; mode: string }[];
  findings: import('../../index').Finding[];
}

/** Sizes of what both sides share, and tables that they have in common. */
export interface Layout {
  ints: number;
  floats: number;
  outboxWords: number;
  outboxBytes: number;
  /** OIDs of the types that are decoded natively. */
  decodedTypes: number[];
  /** The command words that cross as their index. */
  commands: string[];
}

/** One thread's side of the addon. */
export interface Environment {
  /** Kept for the addon, which holds it weakly. */
  callback?: Drain;
  readonly watchedConnections: number;
  readonly isAwake: boolean;
  drain(): void;
  openConnection(settings: Settings): Connection;
  openPool(settings: Settings, options: PoolOptions): Pool;
  /** Without settings there is only what was given. The request is told of one event, the diagnosis. */
  diagnose(request: number, order: DiagnosisOrder, settings: Settings | undefined): void;
  giveUp(request: number): void;
  decline(question: number): void;
  /** Answers with plain data, or with the message of what was thrown; whether the answer was still wanted. */
  answer(question: number, answer: unknown, error: string | null): boolean;
}

/** In wire form. */
export type WireValues = (string | Buffer | null)[] | null;

/** @param textNumber by which a pool knows the text; a connection has no use for it */
export type SendQuery = (
  request: number,
  text: string,
  name: string | null,
  values: WireValues,
  flags: number,
  mask: number,
  textNumber: number,
) => void;

/** What is known of a pooler before a server; one that is `unproven` may be in either mode. */
export type Pooling = 'unknown' | 'session' | 'unproven' | 'transaction';

/** One connection: a client's own, or one that a pool has handed out. */
export interface Connection {
  readonly id: number;
  /** Whether it was never handed out before. */
  readonly isNew: boolean;
  readonly isBusy: boolean;
  readonly isOpen: boolean;
  /** That it is open to; null without a connection, as the next three. */
  readonly host: string | null;
  readonly transactionStatus: string | null;
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly pooling: Pooling;
  connect(request: number): void;
  query: SendQuery;
  rawBegin(request: number): void;
  rawWrite(bytes: Buffer, request: number): void;
  rawPause(paused: boolean): void;
  cursorOpen(
    request: number,
    text: string,
    portal: string,
    values: WireValues,
    flags: number,
    mask: number,
  ): void;
  cursorRead(rows: number): void;
  cursorClose(): void;
  copyBegin(request: number, text: string, flags: number): void;
  /** @returns whether there is room for more */
  copyWrite(data: Uint8Array | Uint8Array[]): boolean;
  copyDone(): void;
  copyFail(reason: string): void;
  executeDdl(request: number, order: ScriptOrder, values: WireValues): void;
  end(request: number): void;
  destroy(): void;
  cancel(request: number): void;
  setRef(held: boolean): void;
  /** Names and values of the server's parameters. */
  parameters(): [name: string, value: string][];
  statementText(name: string): string | null;
}

export interface Pool {
  readonly id: number;
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly expiredCount: number;
  /** Milliseconds for which connections were idle that were lost then; the newest last. */
  readonly lostIdle: number[];
  /** @returns an idle connection, or nothing: it is the value of the request then */
  acquire(request: number): Connection | undefined;
  forget(request: number): boolean;
  release(connection: Connection, destroy: boolean): boolean;
  remove(connection: Connection): boolean;
  query: SendQuery;
  learnText(text: string, anew: boolean): void;
  flush(): void;
  executeDdl(request: number, order: ScriptOrder, values: WireValues): void;
  askVersion(request: number): void;
  end(request: number): void;
  setPassword(password: string | null): void;
  connections(): Connection[];
  idleConnections(): number[];
  isAtRest(heard: number, unheld: number): boolean;
  waitInVain(inVain: boolean): void;
}

/** How to reach a server: everything checked, nothing left to look up. */
export interface Settings {
  hosts: { host: string; port: number }[];
  /** The Supabase project whose pooler is to be found; null for none. */
  project: Project | null;
  /** Whether the server is a project's, of which the program has given the ref. */
  byRef: boolean;
  user: string;
  database: string;
  password: string | null;
  /** Whether the password is asked for when the server wants it. */
  passwordProvider: boolean;
  ssl: TlsSettings | null;
  /** Names and values of the startup message. */
  startup: [name: string, value: string][];
  /** Of each host. Milliseconds; 0 and Infinity are no limit, as of all limits here. */
  connectTimeoutMillis: number;
  keepAlive: boolean;
  keepAliveInitialDelayMillis: number;
  channelBinding: string;
  /** As the program has given it, for messages. */
  requireAuth: string | null;
  allowedAuth: string[] | null;
  /** `session` or `transaction`; null when it isn't known. */
  poolMode: string | null;
  autoPrepare: boolean;
  busyWait: boolean;
  scramMaxIterations: number | null;
  targetSessionAttrs: string;
}

export interface Project {
  ref: string;
  region: string | null;
  /** Of a region: `aws-1`. */
  cluster: string | null;
  /** Whether the one host, the project's machine, is tried first. */
  prefersDirect: boolean;
}

export interface TlsSettings {
  rejectUnauthorized: boolean;
  /** `ca` is the program's, which trusts no other. */
  hasOwnRoots: boolean;
  /** In PEM, each text one or several. */
  ca: string[] | null;
  cert: string | null;
  /** PKCS #8 in PEM, without a passphrase. */
  key: string | null;
  pfx: Buffer | null;
  passphrase: string | null;
  servername: string | null;
  /** Whether the name in the certificate is checked as Node does it. */
  checkServerIdentity: boolean;
  /** Identifies the program's own check; null without one. */
  identityCheck: string | null;
  ciphers: string | null;
  cipherSuites: string | null;
  sigalgs: string | null;
  ecdhCurve: string | null;
  secureOptions: number;
  minDHSize: number;
  minVersion: string;
  maxVersion: string;
  ALPNProtocols: string[] | null;
  allowPartialTrustChain: boolean;
  negotiation: string;
}

export interface PoolOptions {
  max: number;
  min: number;
  idleTimeoutMillis: number;
  connectionTimeoutMillis: number;
  maxUses: number;
  maxLifetimeSeconds: number;
  maxWaiting: number;
  pipelineDepth: number | undefined;
  sharing: string | null;
  shared: boolean;
}

/** A script and how it shall run. */
export interface ScriptOrder {
  text: string;
  mode: ScriptMode;
  /** The operation is told of notices. */
  notices: boolean;
  /** The operation is told of each step. */
  progress: boolean;
  /** COMMIT travels with the script. */
  pipelined: boolean;
  extended: boolean;
  binary: boolean;
  /** Milliseconds. */
  cancelTimeout: number;
  mask: number;
  /** Undefined where nothing was asked for. */
  care: ScriptCare | undefined;
}

/** How much of a script is one transaction. */
export type ScriptMode = 'transaction' | 'as it is' | 'auto';

/** What is done for a script besides running it. Times are milliseconds; undefined is no limit. */
export interface ScriptCare {
  lockTimeout: number | undefined;
  lockBudget: number | undefined;
  retries: number | undefined;
  statementTimeout: number | undefined;
  /** What it sets for its session is undone. */
  undoesSettings: boolean;
}

/** A part of a script that is run by itself. */
export interface ScriptPiece {
  text: string;
  inTransaction: boolean;
  statements: string[];
}

/** What became of a script that failed. */
export interface Fate {
  outcome?: 'not applied' | 'partly applied' | 'unknown';
  steps?: import('../../index').DdlStep[];
  /** For a lock that wasn't granted in time: the blockers. */
  blockers?: import('../../index').Blocker[];
  /** How often it was tried. */
  attempts?: number;
  /** Milliseconds that all tries have waited. */
  waitedMs?: number;
}

/** The fields of an ErrorResponse or a NoticeResponse that are there, under node-postgres's names. */
export interface ServerFields {
  severity?: string;
  code?: string;
  detail?: string;
  hint?: string;
  position?: string;
  internalPosition?: string;
  internalQuery?: string;
  where?: string;
  schema?: string;
  table?: string;
  column?: string;
  dataType?: string;
  constraint?: string;
  file?: string;
  line?: string;
  routine?: string;
}

/** The system call that failed. */
export interface SystemFields {
  syscall?: string;
  address?: string | null;
  port?: number;
  hostname?: string | null;
  /** What was being done, for a timeout. */
  phase?: string;
}

/** The kind of a failure, which alone decides what to do about it. */
export type Kind =
  | 'config'
  | 'io'
  | 'timeout'
  | 'tls'
  | 'auth'
  | 'refused'
  | 'server'
  | 'protocol'
  | 'closed'
  | 'lost'
  | 'aborted';

/** An error as plain data, which lib/errors.js makes an `Error` of. */
export interface Failure extends Omit<ServerFields, 'code'>, SystemFields, Fate {
  kind: Kind;
  message?: string;
  code?: string | null;
  errno?: number;
  /** Of the server's message, in bytes. */
  length?: number;
  /** One for each address that was tried. */
  errors?: Failure[];
  /** The question that the program has answered by throwing it. */
  thrown?: number;
  /** What it means where the server is a Supabase project's. */
  supabase?: import('../../index').SupabaseAdvice;
}

/** Text; if it is too large for JavaScript, the number of its characters. */
export type Text = string | number;

/** Bytes; if there are too many for JavaScript, their number. */
export type Bytes = Buffer | number;

export type FieldDescription = [
  name: string,
  tableID: number,
  columnID: number,
  dataTypeID: number,
  dataTypeSize: number,
  dataTypeModifier: number,
  format: number,
  kind: number,
];

export type ShapeDescription = [
  id: number,
  nullWords: number,
  ints: number,
  floats: number,
  ...fields: FieldDescription[],
];

/** The message of NOTIFY. */
export interface Notification {
  processId: number;
  channel: string;
  payload: string;
  /** Of the message, in bytes. */
  length?: number;
}

/** The name that was connected to, and the server's certificate with those above it, in DER. */
export type Certificate = [name: string, chain: Buffer[]];

/** What happens on a connection: its name, the number of the connection, and what belongs to it. */
export type ConnectionEvent =
  | [name: 'notification', connection: number, notification: Notification]
  | [name: 'parameter', connection: number, parameter: string, value: string]
  | [name: 'lost', connection: number, failure: Failure]
  | [name: 'closed', connection: number];

/** What happens in a pool: its name, the number of the pool, and what belongs to it. */
export type PoolEvent =
  | [name: 'opening' | 'removed', pool: number, connection: number]
  | [name: 'found', pool: number, connection: number, host: string]
  | [name: 'opened', pool: number, connection: number, processID: number]
  | [name: 'notOpened' | 'idleError', pool: number, connection: number, failure: Failure];

/**
 * A question of Rust's: the number and the kind of what shall answer, the question's own number, the method that
 * answers, and what that is given.
 */
export type Asked = [
  name: 'asked',
  id: number,
  kind: 'connection' | 'pool' | 'request',
  question: number,
  method: string,
  data: Plain,
];

/** Plain data, as it crosses either way. */
export type Plain = null | boolean | number | string | Buffer | Plain[] | { [name: string]: Plain };

/** What crosses besides answers: questions, their end, and events of operations. */
export type News =
  Asked | [name: 'withdrawn', question: number] | [name: 'told', request: number, events: Plain[]];

/** A notice is one text: the number of the connection, the length of the message, and its fields. */
export type Event = string | ConnectionEvent | PoolEvent | News;

export type CommandTag = [command: string | null, rows: number | null, oid: number | null];

/** The part of a record that isn't a number; the kind of the record says which type it has. */
export type Extra = Failure | CommandTag | Event | Buffer | Connection | string | undefined;

/** Takes the place of the first text, the other texts and the long texts of a batch that was lost. */
export type LostBatch = [addressees: number[], failure: Failure, events: Event[]];

/** Takes a batch of records. */
export type Drain = (
  count: number,
  text: Text | undefined,
  texts: Text[] | undefined,
  longTexts: Text[] | undefined,
  blobs: Bytes[] | undefined,
  longBlobs: Bytes[] | undefined,
  newShapes: ShapeDescription[] | undefined,
  extras: Extra[] | undefined,
  forget: boolean,
  oversize: [ints: number[], floats: number[]] | undefined,
  floatCount: number,
  newTemplates: [id: number, skeleton: string][] | undefined,
) => void;
