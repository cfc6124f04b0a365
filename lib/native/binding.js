'use strict';

// The only file that loads the addon. A request is a slot in a table here; the addon answers through one function,
// `drain`, which gets everything that is ready at once: records in flat arrays, see src/rows/batch.rs.

const { keptAddon } = require('./kept-addon');

/**
 * @typedef {import('../rows/rows').Shape} Shape
 * @typedef {import('./addon').Bytes} Bytes
 * @typedef {import('./addon').CommandTag} CommandTag
 * @typedef {import('./addon').Environment} Environment
 * @typedef {import('./addon').Extra} Extra
 * @typedef {import('./addon').Failure} Failure
 * @typedef {import('./addon').LostBatch} LostBatch
 * @typedef {import('./addon').Text} Text
 * @typedef {import('./receiver').Outcome} Outcome
 * @typedef {import('./receiver').Receiver} Receiver
 * @typedef {import('./receiver').AnyReceiver} AnyReceiver
 * @typedef {import('./receiver').QueryReceiver} QueryReceiver
 * @typedef {import('./receiver').ConnectionListener} ConnectionListener
 * @typedef {import('./receiver').PoolListener} PoolListener
 */

const addon = keptAddon(() => require('../../native.js'));

const { fromNative } = require('../errors');
const { respond, withdraw: withdrawQuestion } = require('./questions');
const { Shape, Batch, canGenerate } = require('../rows/rows');
const { compileTemplate, templates } = require('../rows/json-templates');
const { nextTick, setImmediate } = require('../timers');

const layout = addon.layout();
/**
 * Where queries are written that are handed over together, see lib/pg/pool/outbox.js; they get these lengths with the
 * first pool.
 */
const outbox = {
  wordCount: layout.outboxWords,
  byteCount: layout.outboxBytes,
  words: new Int32Array(0),
  bytes: new Uint8Array(0),
};
/** Counts the batches, so that a look-up is made once for a batch and not for each answer. */
const turn = { batches: 0 };

// Kinds of records, in step with src/rows/record.rs.
const SEGMENT = 1;
const BLOB = 2;
const FIELDS = 3;
const ROWS = 4;
const COMPLETE = 5;
const COMPLETE_RARE = 6;
const EMPTY = 7;
const SUSPENDED = 8;
const DONE = 9;
const FAILED = 10;
const VALUE = 11;
const EVENT = 12;
const STARTED = 13;
const RAW = 14;
const COPY_REFUSED = 15;
const DRAINED = 16;
const MARK = 17;
const REWIND = 18;

/** @type {Record<number, 'empty' | 'suspended' | 'started' | 'copyIn' | 'drained' | 'mark' | 'rewind'>} what a request is told by records that hold its number alone */
const BARE = {
  [EMPTY]: 'empty',
  [SUSPENDED]: 'suspended',
  [STARTED]: 'started',
  [COPY_REFUSED]: 'copyIn',
  [DRAINED]: 'drained',
  [MARK]: 'mark',
  [REWIND]: 'rewind',
};

/** Events of pools, named as the methods of the listeners that are told of them. */
const POOL_EVENTS = new Set(['removed', 'idleError', 'opening', 'found', 'opened', 'notOpened']);

/**
 * A method of a listener; its argument depends on the name of the event.
 *
 * @typedef {{ method(first: unknown, second: unknown): void }['method']} Listener
 */

/** @type {(AnyReceiver | undefined)[]} requests by their number */
const slots = [];
/** The same table for reading: the addon never names a free slot. */
const requests = /** @type {AnyReceiver[]} */ (slots);
/** @type {number[]} numbers that are free again */
const free = [];
/** @type {Map<number, ConnectionListener>} listeners to the events of a connection, by its number */
const connections = new Map();
/** @type {Map<number, PoolListener>} listeners to the events of a pool, by its number */
const pools = new Map();
/** @type {Map<number, Shape>} shapes that the addon has described */
const shapes = new Map();
/** @type {(string | null)[]} transaction statuses by their byte */
const statuses = [];
for (const status of ['I', 'T', 'E']) statuses[status.charCodeAt(0)] = status;
statuses[0] = null;

const batch = new Batch(new Int32Array(0), new Float64Array(0));
/** The next extra of the batch under way. */
let extra = 0;

/**
 * Puts a request into the table.
 *
 * @param {Receiver} request gets the calls that its kind of request implements; `done` or `fail` is the last
 * @returns {number} its number, for the addon
 */
function register(request) {
  const id = free.length > 0 ? /** @type {number} */ (free.pop()) : slots.length;
  // The addon sends to a request only records of its kind.
  slots[id] = /** @type {AnyReceiver} */ (request);
  return id;
}

/**
 * Puts a request into the table for a call that the addon may refuse.
 *
 * @param {Receiver} request
 * @param {(id: number) => void} call
 * @returns {number} its number
 * @throws why it was refused; the request isn't in the table then
 */
function start(request, call) {
  const id = register(request);
  try {
    call(id);
  } catch (error) {
    withdraw(id, error);
    throw error;
  }
  return id;
}

/**
 * Takes a request out of the table for which the addon has thrown. Where it has failed inside, the request may be
 * answered all the same, and no other request may get that answer.
 *
 * @param {number} id
 * @param {unknown} error what it has thrown
 */
function withdraw(id, error) {
  const { code } = /** @type {{ code?: unknown }} */ (Object(error));
  if (code === FAILED_INSIDE) slots[id] = new Remains(requests[id], null);
  else unregister(id);
}

/** How many requests are under way. */
function underWay() {
  return slots.length - free.length;
}

/**
 * Takes a request out of the table that the addon will not answer.
 *
 * @param {number} id
 */
function unregister(id) {
  slots[id] = undefined;
  free.push(id);
}

/**
 * @param {number} id
 * @returns {AnyReceiver} the request, which is over
 */
function take(id) {
  const request = requests[id];
  unregister(id);
  return request;
}

/** Node-API's code of an error that isn't about the arguments: a panic. */
const FAILED_INSIDE = 'GenericFailure';

/** @type {never[]} for parts that a batch doesn't have */
const NONE = [];

/** The count of a batch that could not be handed over, in step with src/node/drain.rs. */
const LOST = -2;
/** In place of a transaction status: the request ends later. */
const LATER = -1;
/** Likewise: the request waits for JavaScript, which was asked to go on (to send data, or ask for a page). */
const ASKED = -2;

/**
 * Takes the rest of an answer of which something was lost.
 *
 * @implements {AnyReceiver}
 */
class Remains {
  /**
   * @param {AnyReceiver} request that was answered
   * @param {Failure | null} failure what it is told in the end; null when it has been told
   */
  constructor(request, failure) {
    this.request = request;
    this.failure = failure;
  }

  fields() {}
  rows() {}
  complete() {}
  empty() {}
  suspended() {}
  started() {}
  told() {}
  data() {}
  copyIn() {}
  drained() {}
  mark() {}
  rewind() {}

  /** @param {Outcome} outcome */
  done(outcome) {
    if (this.failure !== null)
      this.request.fail(fromNative(this.failure), /** @type {string | null} */ (outcome));
  }

  /**
   * @param {Error} _error
   * @param {string | null} status
   */
  fail(_error, status) {
    this.done(status);
  }
}

/**
 * A batch could not be handed over: each request in it fails when its answer ends. One that waits for JavaScript to go
 * on, and whose event for that was in the batch, fails now.
 *
 * @param {number[]} addressees numbers of requests, each with its transaction status, `LATER` or `ASKED`
 * @param {Failure} failure
 * @param {import('./addon').Event[]} events
 */
function lose(addressees, failure, events) {
  const calls = [];
  for (let i = 0; i < addressees.length; i += 2) {
    const id = addressees[i];
    const status = addressees[i + 1];
    const request = requests[id];
    if (status === LATER) slots[id] = new Remains(request, failure);
    else if (status === ASKED) slots[id] = new Remains(request, null);
    else unregister(id);
    if (status !== LATER)
      calls.push(() => request.fail(fromNative(failure), status === ASKED ? null : statuses[status]));
  }
  for (const event of events) calls.push(() => dispatch(event));
  for (const call of calls) {
    try {
      call();
    } catch (error) {
      rethrow(error);
    }
  }
}

/**
 * A failure of one request's handler must not affect the others.
 *
 * @param {unknown} error
 */
function rethrow(error) {
  nextTick(() => {
    throw error;
  });
}

/**
 * Walks the records of a batch.
 *
 * @param {number} count of ints; below 0 nothing has come: the rest shall be fetched after the event loop's turn, or the
 *   arguments are those of `lose`
 * @param {Text | undefined} text the first text segment
 * @param {Text[] | undefined} texts the segments behind it
 * @param {Text[] | undefined} longTexts
 * @param {Bytes[] | undefined} blobs
 * @param {Bytes[] | undefined} longBlobs
 * @param {import('./addon').ShapeDescription[] | undefined} newShapes
 * @param {Extra[] | undefined} extras
 * @param {boolean} forget whether earlier shapes will not be named again
 * @param {[number[], number[]] | undefined} oversize arrays of a batch that the shared ones have no room for
 * @param {number} floatCount floats of rows; those of JSON leaves stand behind them, as with ints
 * @param {[number, string][] | undefined} newTemplates
 */
function drain(
  count,
  text,
  texts,
  longTexts,
  blobs,
  longBlobs,
  newShapes,
  extras,
  forget,
  oversize,
  floatCount,
  newTemplates,
) {
  if (count === LOST) {
    lose(.../** @type {LostBatch} */ (/** @type {unknown} */ ([text, texts, longTexts])));
    return;
  }
  if (count < 0) {
    // Twice, so that the program's own immediates of this turn run first.
    setImmediate(setImmediate, drainAgain);
    return;
  }
  turn.batches++;
  if (forget) shapes.clear();
  if (newShapes !== undefined) {
    for (const description of newShapes) shapes.set(description[0], new Shape(description));
  }
  if (newTemplates !== undefined) {
    for (const [id, skeleton] of newTemplates) templates[id] = compileTemplate(skeleton);
  }
  batch.begin(oversize, text, longTexts, blobs, longBlobs, count, floatCount);
  extra = 0;
  const cursor = { nextText: 0, nextBlob: 1 };
  while (batch.i < count) {
    try {
      walk(count, cursor, texts ?? NONE, blobs ?? NONE, extras ?? NONE);
    } catch (error) {
      // The position is already past its record.
      rethrow(error);
    }
  }
}

/**
 * @param {number} count
 * @param {{ nextText: number, nextBlob: number }} cursor
 * @param {Text[]} texts
 * @param {Bytes[]} blobs
 * @param {Extra[]} extras
 */
function walk(count, cursor, texts, blobs, extras) {
  const records = batch.ints;
  while (batch.i < count) {
    const i = batch.i;
    switch (records[i]) {
      case FIELDS: {
        batch.i = i + 3;
        const request = requests[records[i + 1]];
        const shape = /** @type {Shape} */ (shapes.get(records[i + 2]));
        request.decoder = undefined;
        request.fields(shape);
        break;
      }
      case ROWS: {
        batch.i = i + 4;
        const shape = /** @type {Shape} */ (shapes.get(records[i + 2]));
        batch.give(requests[records[i + 1]], shape, records[i + 3]);
        break;
      }
      case COMPLETE: {
        batch.i = i + 5;
        const rows = records[i + 3];
        const oid = records[i + 4];
        const command = layout.commands[records[i + 2]];
        requests[records[i + 1]].complete(command, rows < 0 ? null : rows, oid < 0 ? null : oid);
        break;
      }
      case DONE:
        batch.i = i + 3;
        take(records[i + 1]).done(statuses[records[i + 2]]);
        break;
      case FAILED:
        batch.i = i + 3;
        take(records[i + 1]).fail(
          fromNative(/** @type {Failure} */ (extras[extra++])),
          statuses[records[i + 2]],
        );
        break;
      case SEGMENT:
        batch.i = i + 1;
        batch.turnText(texts[cursor.nextText++]);
        break;
      case BLOB:
        batch.i = i + 1;
        batch.turnBlob(blobs[cursor.nextBlob++]);
        break;
      case COMPLETE_RARE: {
        batch.i = i + 2;
        const [command, rows, oid] = /** @type {CommandTag} */ (extras[extra++]);
        requests[records[i + 1]].complete(command, rows, oid);
        break;
      }
      case VALUE:
        batch.i = i + 2;
        take(records[i + 1]).done(/** @type {Outcome} */ (extras[extra++]));
        break;
      case EVENT:
        batch.i = i + 1;
        dispatch(/** @type {import('./addon').Event} */ (extras[extra++]));
        break;
      case RAW:
        batch.i = i + 2;
        requests[records[i + 1]].data(/** @type {Buffer} */ (extras[extra++]));
        break;
      default: {
        const method = BARE[records[i]];
        if (method === undefined) {
          batch.i = count;
          throw new Error(`pgfleet: the addon sent a record of the unknown kind ${records[i]}; rebuild it`);
        }
        batch.i = i + 2;
        requests[records[i + 1]][method]();
      }
    }
  }
}

/**
 * @param {string} event of a notice: the number of the connection, the length of the message, and its fields
 */
function dispatchNotice(event) {
  const end = event.indexOf(' ');
  const begin = event.indexOf(' ', end + 1);
  const owner = connections.get(Number(event.slice(0, end)));
  if (owner !== undefined) owner.notice(event.slice(begin + 1), Number(event.slice(end + 1, begin)));
}

/**
 * @param {import('./addon').Event} event
 */
function dispatch(event) {
  if (typeof event === 'string') {
    dispatchNotice(event);
    return;
  }
  const [name, id, first, second] = event;
  if (name === 'asked') {
    ask(event);
  } else if (name === 'withdrawn') {
    withdrawQuestion(id);
  } else if (name === 'told') {
    tell(id, /** @type {unknown[]} */ (first));
  } else {
    const owner = (POOL_EVENTS.has(name) ? pools : connections).get(id);
    if (owner === undefined) return;
    const listener = /** @type {Record<string, Listener>} */ (owner);
    if (name === 'lost') listener.lost(fromNative(first), undefined);
    else listener[name](first, second);
  }
}

/** @param {import('./addon').Asked} question the responder's number and kind, the question's own number, the method that answers, and its argument */
function ask([, id, kind, number, name, data]) {
  const responder = kind === 'request' ? slots[id] : (kind === 'pool' ? pools : connections).get(id);
  respond(opened(), responder, number, name, data);
}

/**
 * Tells an operation its events. If a handler throws for one of them, the others are told all the same.
 *
 * @param {number} id of its request
 * @param {unknown[]} events
 */
function tell(id, events) {
  const operation = /** @type {{ told?(event: unknown): void } | undefined} */ (slots[id]);
  for (const event of events) {
    try {
      operation?.told?.(event);
    } catch (error) {
      rethrow(error);
    }
  }
}

// Bun loads addons, but its event loop isn't libuv: it only exports libuv's symbols.
const polls = process.versions.bun === undefined;
function drainAgain() {
  opened().drain();
}

/** @type {Environment | null} this thread's side of the addon, from the first connection or pool on: many programs only load the package */
let environment = null;

/** The same for callers that need it opened already. */
function opened() {
  return /** @type {Environment} */ (environment);
}

function open() {
  if (environment !== null) return environment;
  batch.sharedInts = new Int32Array(layout.ints);
  batch.sharedFloats = new Float64Array(layout.floats);
  outbox.words = new Int32Array(layout.outboxWords);
  outbox.bytes = new Uint8Array(layout.outboxBytes);
  const { sharedInts, sharedFloats } = batch;
  environment = new addon.Environment(
    drain,
    sharedInts,
    sharedFloats,
    canGenerate,
    polls,
    outbox.words,
    outbox.bytes,
  );
  // The addon keeps it only while something is under way, and has no use for an environment without it.
  environment.callback = drain;
  return environment;
}

const native = {
  /** @param {import('./addon').Settings} settings */
  openConnection: (settings) => open().openConnection(settings),
  /**
   * @param {import('./addon').Settings} settings
   * @param {import('./addon').PoolOptions} options
   */
  openPool: (settings, options) => open().openPool(settings, options),
  /** How many connections this thread reads by itself, see docs/decisions/0010. */
  watchedConnections: () => open().watchedConnections,
  /** Whether the event loop stays awake for an answer, see docs/decisions/0027. */
  isAwake: () => open().isAwake,
  /**
   * Aborts an operation, which ends when its outcome is known.
   *
   * @param {number} request
   */
  giveUp: (request) => opened().giveUp(request),
  /**
   * Looks at a database's connection as this request.
   *
   * @param {number} request
   * @param {import('./addon').DiagnosisOrder} order
   * @param {import('./addon').Settings | undefined} settings
   */
  diagnose: (request, order, settings) => open().diagnose(request, order, settings),
  /**
   * Why a script would be refused before anything is sent, or null.
   *
   * @param {string} script
   * @param {boolean} inTransaction
   */
  refusalOfScript: (script, inTransaction) => addon.refusalOfScript(script, inTransaction),
  /**
   * What the statements of a script are, or why it isn't analysed.
   *
   * @param {string} script
   * @param {number} serverVersion
   * @param {boolean} inTransaction
   * @param {string[]} rules
   */
  analyzeScript: (script, serverVersion, inTransaction, rules) =>
    addon.analyzeScript(script, serverVersion, inTransaction, rules),
  /**
   * The first name that no rule has, or null.
   *
   * @param {string[]} names
   */
  unknownRule: (names) => addon.unknownRule(names),
  /**
   * How many statements a script has, for the benchmark of splitting alone.
   *
   * @param {string} script
   */
  statementCount: (script) => addon.statementCount(script),
  /**
   * What an error of a connection that JavaScript makes means, or null.
   *
   * @param {import('./addon').SupabaseWay} way
   * @param {import('./addon').SupabaseFailure} failure
   */
  supabaseAdvice: (way, failure) => addon.supabaseAdvice(way, failure),
  /**
   * The root that is trusted on the way to this host besides the usual ones, in PEM, or null.
   *
   * @param {string} host
   */
  furtherRoot: (host) => addon.furtherRoot(host),
  /**
   * The outcome of a script that JavaScript has sent itself.
   *
   * @param {string} script
   * @param {boolean} inTransaction
   * @param {boolean} isLost whether the connection was lost, in place of a refusal by the server
   */
  fateOfScript: (script, inTransaction, isLost) => addon.fateOfScript(script, inTransaction, isLost),
  /**
   * Why a text is refused where a pooler in transaction mode would break it, or null.
   *
   * @param {string} text
   */
  refusalInTransactionMode: (text) => addon.refusalInTransactionMode(text),
  /**
   * The port of the same host that is in session mode, if this one is in transaction mode, or null.
   *
   * @param {string} host
   * @param {number} port
   */
  sessionPort: (host, port) => addon.sessionPort(host, port),
  /**
   * Whether data for a COPY stands in a script.
   *
   * @param {string} script
   */
  hasCopyData: (script) => addon.hasCopyData(script),
  /**
   * The parts that a script is run in.
   *
   * @param {string} script
   * @param {import('./addon').ScriptMode} mode
   */
  piecesOfScript: (script, mode) => addon.piecesOfScript(script, mode),
};

module.exports = {
  native,
  register,
  start,
  unregister,
  withdraw,
  underWay,
  take,
  connections,
  pools,
  outbox,
  turn,
};
