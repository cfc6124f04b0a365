'use strict';

// Rows from the flat arrays of a batch (src/rows/batch.rs) to JavaScript values. For each shape of rows that is used
// more than once a function is generated; where generating code is switched off, an interpreter does the same.

const { wary } = require('./binary-arrays');
const { templates } = require('./json-templates');
const { Oversized, received } = require('./oversized');
const { Constructors, list, literals } = require('./plain-objects');
const pristine = require('./types');
const { keepHere } = require('./untransferable');

const { pgTypes } = pristine;

/**
 * @typedef {import('./types').Parser} Parser
 * @typedef {import('./types').Types} Types
 * @typedef {import('../native/addon').Text} Text
 * @typedef {import('../native/addon').Bytes} Bytes
 * @typedef {import('../native/receiver').QueryReceiver} QueryReceiver
 * @typedef {'text' | 'binary'} Format
 */

// Kinds of columns, in step with src/rows/column.rs.
const TEXT = 0;
const INT = 1;
const NUMBER = 2;
const BOOL = 3;
const INSTANT = 4;
const LOCAL = 5;
const BYTES = 6;
const JSON_TEXT = 7;
const RAW = 8;
const INT_LIST = 9;
const NUMBER_LIST = 10;
const TEXT_LIST = 11;

/** Ints and floats that a value of each kind takes. */
const INTS = [1, 1, 0, 1, 1, 3, 1, 2, 1, 2, 2, 2];
const FLOATS = [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0];

/** Rows of a shape after which its decoder is generated: before that, generating costs more than it saves. */
const WORTH_GENERATING = 50;
/** Rows of one result from which on it is large: V8 may allocate those that follow in the old generation at once. */
const LARGE = 20_000;
/** Columns above which a generated function is so long that V8 does not optimise it. */
const MOST_COLUMNS = 150;
/** Decoders kept for one shape, one for each set of parsers; programs that pass new closures each time stay bounded. */
const MOST_DECODERS = 8;

const canGenerate = (() => {
  try {
    return new Function('return true')();
  } catch {
    return false;
  }
})();

/** The columns of a result, described by the addon once and shared by all results that have them. */
class Shape {
  /** @param {import('../native/addon').ShapeDescription} description */
  constructor([id, nullWords, ints, floats, ...fields]) {
    this.id = id;
    this.nullWords = nullWords;
    /** Ints and floats that a row takes. */
    this.ints = ints;
    this.floats = floats;
    /** @type {number[]} */
    this.kinds = fields.map((field) => field[7]);
    this.fields = fields.map(
      ([name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier, format]) => ({
        name,
        tableID,
        columnID,
        dataTypeID,
        dataTypeSize,
        dataTypeModifier,
        format: /** @type {Format} */ (format === 0 ? 'text' : 'binary'),
      }),
    );
    /** @type {Record<string, null> | undefined} */
    this.blankRow = undefined;
    /** What pg-types's own parsers are for the columns, see lib/pg/query/query-request.js. */
    this.memory = {
      batch: 0,
      changes: 0,
      /** @type {Parser[] | undefined} */
      parsers: undefined,
      /** @type {Decoder | undefined} */
      decoder: undefined,
    };
    /** Columns whose text JavaScript parses. */
    this.parsed = this.kinds.flatMap((kind, column) => (needsParser(kind) ? [column] : []));
    /** @type {Decoder[]} */
    this.decoders = [];
  }

  /**
   * The decoder for the parsers that are set now.
   *
   * @param {Types | undefined} types
   * @param {string | undefined} rowMode
   * @returns {Decoder}
   */
  decoder(types, rowMode) {
    const source = types || pgTypes;
    const parsers = this.fields.map(({ dataTypeID, format }) => source.getTypeParser(dataTypeID, format));
    return this.decoderWith(parsers, rowMode === 'array');
  }

  /**
   * The decoder for parsers that were looked up already.
   *
   * @param {Parser[]} parsers by column
   * @param {boolean} asArrays
   * @returns {Decoder}
   */
  decoderWith(parsers, asArrays) {
    const { decoders } = this;
    for (let i = 0; i < decoders.length; i++) {
      const decoder = decoders[i];
      if (decoder.asArrays === asArrays && decoder.fits(parsers)) return decoder;
    }
    if (decoders.length >= MOST_DECODERS) decoders.length = 0;
    const decoder = new Decoder(this, parsers, asArrays);
    decoders.push(decoder);
    return decoder;
  }
}

/** @param {number} kind */
function needsParser(kind) {
  return kind === TEXT || kind >= RAW || kind === INSTANT || kind === LOCAL;
}

/** Makes rows of one shape with one set of parsers. */
class Decoder {
  /**
   * @param {Shape} shape
   * @param {Parser[]} given parsers by column
   * @param {boolean} asArrays
   */
  constructor(shape, given, asArrays) {
    this.shape = shape;
    this.given = given;
    this.asArrays = asArrays;
    /** @type {(Parser | null)[]} parsers by column; null leaves text as it is */
    this.parsers = shape.fields.map(() => null);
    for (const column of shape.parsed) this.parsers[column] = parserOf(shape, column, given[column]);
    this.seen = 0;
    /** @type {(batch: Batch, count: number, rows: unknown[]) => void} */
    this.run = (batch, count, rows) => this.interpret(batch, count, rows);
    /** As `run`, in a large result. */
    this.runLarge = this.run;
  }

  /** @param {Parser[]} parsers by column */
  fits(parsers) {
    const { given } = this;
    const { parsed } = this.shape;
    for (let i = 0; i < parsed.length; i++) {
      if (parsers[parsed[i]] !== given[parsed[i]]) return false;
    }
    return true;
  }

  /**
   * Appends the next `count` rows of the batch.
   *
   * @param {Batch} batch
   * @param {number} count
   * @param {unknown[]} rows
   */
  decode(batch, count, rows) {
    if (this.seen < WORTH_GENERATING) {
      this.seen += count;
      if (this.seen >= WORTH_GENERATING && canGenerate && this.shape.kinds.length <= MOST_COLUMNS) {
        this.run = generate(this, new Constructors(), 'make');
        this.runLarge = this.runFirstLarge;
      }
    }
    if (rows.length < LARGE) this.run(batch, count, rows);
    else this.runLarge(batch, count, rows);
  }

  /**
   * Generates the function for large results when the first one comes.
   *
   * @param {Batch} batch
   * @param {number} count
   * @param {unknown[]} rows
   */
  runFirstLarge(batch, count, rows) {
    this.runLarge = generate(this, literals, 'makeLarge');
    this.runLarge(batch, count, rows);
  }

  /**
   * @param {Batch} batch
   * @param {number} count
   * @param {unknown[]} rows
   */
  interpret(batch, count, rows) {
    const { shape, parsers, asArrays } = this;
    const { ints, floats } = batch;
    const { kinds, fields, nullWords } = shape;
    for (let k = 0; k < count; k++) {
      const start = batch.i;
      let i = start + nullWords;
      const row = asArrays ? new Array(kinds.length) : {};
      for (let column = 0; column < kinds.length; column++) {
        const kind = kinds[column];
        let value = null;
        if ((ints[start + (column >>> 5)] & (1 << (column & 31))) === 0) {
          value = batch.value(kind, parsers[column], ints, i, floats);
        }
        i += INTS[kind];
        batch.f += FLOATS[kind];
        if (Array.isArray(row)) row[column] = value;
        else define(row, fields[column].name, value);
      }
      batch.i = i;
      rows.push(row);
    }
  }
}

/**
 * @param {Record<string, unknown>} row
 * @param {string} name
 * @param {unknown} value
 */
function define(row, name, value) {
  if (name !== '__proto__') row[name] = value;
  else Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
}

/**
 * @param {Shape} shape
 * @param {number} column
 * @param {Parser} parser
 * @returns {Parser | null}
 */
function parserOf(shape, column, parser) {
  if (shape.kinds[column] === RAW) return wary(parser);
  if (shape.kinds[column] !== TEXT) return parser;
  return pristine.leavesText(shape.fields[column].dataTypeID, parser) ? null : parser;
}

/**
 * The records of a batch under way. Rows are taken by the request that they are given to, or passed over.
 */
class Batch {
  /**
   * @param {Int32Array} ints
   * @param {Float64Array} floats
   */
  constructor(ints, floats) {
    this.sharedInts = ints;
    this.sharedFloats = floats;
    /** @type {Int32Array | number[]} */
    this.ints = ints;
    /** @type {Float64Array | number[]} */
    this.floats = floats;
    /** Where reading has come to: ints, floats, text, bytes. */
    this.i = 0;
    this.f = 0;
    this.s = 0;
    this.b = 0;
    /** Ints and floats of JSON leaves. */
    this.li = 0;
    this.lf = 0;
    /** @type {string | Oversized | undefined} the text segment */
    this.text = '';
    /** @type {Text[] | undefined} */
    this.longTexts = undefined;
    /** @type {Buffer | Oversized | undefined} the bytes segment */
    this.blob = undefined;
    /** @type {Bytes[] | undefined} */
    this.longBlobs = undefined;
    /** Rows on offer. */
    this.count = 0;
    /** @type {Shape | undefined} */
    this.shape = undefined;
    /** @type {QueryReceiver | undefined} the request that they are offered to */
    this.request = undefined;
  }

  /**
   * @param {[number[], number[]] | undefined} oversize
   * @param {Text | undefined} text
   * @param {Text[] | undefined} longTexts
   * @param {Bytes[] | undefined} blobs
   * @param {Bytes[] | undefined} longBlobs
   * @param {number} intCount
   * @param {number} floatCount
   */
  begin(oversize, text, longTexts, blobs, longBlobs, intCount, floatCount) {
    this.li = intCount;
    this.lf = floatCount;
    this.ints = oversize === undefined ? this.sharedInts : oversize[0];
    this.floats = oversize === undefined ? this.sharedFloats : oversize[1];
    this.i = 0;
    this.f = 0;
    this.s = 0;
    this.b = 0;
    this.text = received(text);
    this.longTexts = longTexts;
    this.turnBlob(blobs === undefined ? undefined : blobs[0]);
    this.longBlobs = longBlobs;
  }

  /** @param {Text} text */
  turnText(text) {
    this.text = received(text);
    this.s = 0;
  }

  /** @param {Bytes | undefined} blob */
  turnBlob(blob) {
    // Values are parts of it: transferring one to another thread would take the others along.
    if (typeof blob === 'object') keepHere(blob.buffer);
    this.blob = received(blob);
    this.b = 0;
  }

  /**
   * Offers rows to a request, and goes on behind them whatever it does with them.
   *
   * @param {QueryReceiver} request
   * @param {Shape} shape
   * @param {number} count
   */
  give(request, shape, count) {
    const { i, f, li, lf } = this;
    this.count = count;
    this.shape = shape;
    this.request = request;
    try {
      request.rows(shape, this);
    } finally {
      if (this.count !== 0) {
        // A parser that threw may have left leaves of its row read.
        this.li = li;
        this.lf = lf;
        this.passOver(i, f);
      }
      this.request = undefined;
    }
  }

  /**
   * Appends the rows on offer to an array.
   *
   * @param {unknown[]} rows
   * @throws what a parser of the caller's throws
   */
  into(rows) {
    const { count } = this;
    const shape = /** @type {Shape} */ (this.shape);
    const request = /** @type {QueryReceiver} */ (this.request);
    if (request.decoder === undefined) request.decoder = shape.decoder(request.types, request.rowMode);
    request.decoder.decode(this, count, rows);
    this.count = 0;
  }

  /**
   * Rows that were not taken, or in which a parser threw.
   *
   * @param {number} i
   * @param {number} f
   */
  passOver(i, f) {
    const { count, ints } = this;
    const shape = /** @type {Shape} */ (this.shape);
    this.i = i + count * shape.ints;
    this.f = f + count * shape.floats;
    for (let row = 0; row < count; row++) {
      let slot = i + row * shape.ints + shape.nullWords;
      for (const kind of shape.kinds) {
        const end = ints[slot + INTS[kind] - 1];
        if (kind === JSON_TEXT && ints[slot] > 0) templates[ints[slot] - 1].passOver(this);
        else if ((kind === INT_LIST || kind === TEXT_LIST) && ints[slot] > 0) this.li += ints[slot];
        else if (kind === NUMBER_LIST && ints[slot] > 0) this.lf += ints[slot];
        if (end >= 0) {
          if (kind === BYTES || kind === RAW) this.b = end;
          else if (kind !== INT && kind !== NUMBER && kind !== BOOL) this.s = end;
        }
        slot += INTS[kind];
      }
    }
    this.count = 0;
  }

  /**
   * Text that ends at `end` of the segment, or is long text number `~end`.
   *
   * @param {number} end
   * @returns {string}
   */
  textTo(end) {
    if (end < 0) return longText(this.longTexts, end);
    const start = this.s;
    this.s = end;
    return this.text === undefined ? '' : this.text.substring(start, end);
  }

  /**
   * @param {number} end
   * @returns {Buffer}
   */
  bytesTo(end) {
    if (end < 0) {
      const blob = /** @type {Bytes[]} */ (this.longBlobs)[~end];
      return typeof blob === 'number' ? new Oversized(blob).subarray() : blob;
    }
    const start = this.b;
    this.b = end;
    return this.blob === undefined ? Buffer.alloc(0) : this.blob.subarray(start, end);
  }

  /** @param {number} count */
  intList(count) {
    const { ints, li } = this;
    const values = [];
    for (let k = 0; k < count; k++) values.push(ints[li + k]);
    this.li = li + count;
    return values;
  }

  /** @param {number} count */
  numberList(count) {
    const { floats, lf } = this;
    const values = [];
    for (let k = 0; k < count; k++) values.push(floats[lf + k]);
    this.lf = lf + count;
    return values;
  }

  /** @param {number} count */
  textList(count) {
    const { ints, li, longTexts } = this;
    const text = /** @type {string | Oversized} */ (this.text);
    const values = [];
    let { s } = this;
    for (let k = 0; k < count; k++) {
      const end = ints[li + k];
      if (end >= 0) values.push(text.substring(s, (s = end)));
      else values.push(longText(longTexts, end));
    }
    this.li = li + count;
    this.s = s;
    return values;
  }

  /**
   * A value that is not null.
   *
   * @param {number} kind
   * @param {Parser | null} parser
   * @param {ArrayLike<number>} ints
   * @param {number} i
   * @param {ArrayLike<number>} floats
   * @returns {unknown}
   */
  value(kind, parser, ints, i, floats) {
    switch (kind) {
      case TEXT: {
        const text = this.textTo(ints[i]);
        return parser === null ? text : parser(text);
      }
      case INT:
        return ints[i];
      case NUMBER:
        return floats[this.f];
      case BOOL:
        return ints[i] === 1;
      case INSTANT: {
        const millis = floats[this.f];
        return millis === millis ? new Date(millis) : /** @type {Parser} */ (parser)(this.textTo(ints[i]));
      }
      case LOCAL: {
        const day = ints[i];
        return day >= 0
          ? localDate(day, ints[i + 1])
          : /** @type {Parser} */ (parser)(this.textTo(ints[i + 2]));
      }
      case BYTES:
        return this.bytesTo(ints[i]);
      case JSON_TEXT:
        if (ints[i] > 0) return templates[ints[i] - 1].make(this);
        return JSON.parse(this.textTo(ints[i + 1]));
      case INT_LIST:
      case NUMBER_LIST:
      case TEXT_LIST: {
        const count = ints[i];
        if (count < 0) return /** @type {Parser} */ (parser)(this.textTo(ints[i + 1]));
        if (kind === INT_LIST) return this.intList(count);
        return kind === NUMBER_LIST ? this.numberList(count) : this.textList(count);
      }
      default:
        return /** @type {Parser} */ (parser)(this.bytesTo(ints[i]));
    }
  }
}

/**
 * @param {Text[] | undefined} longTexts
 * @param {number} end what stands in the place of where a text ends
 * @returns {string}
 * @throws when it is too long for JavaScript
 */
function longText(longTexts, end) {
  const text = /** @type {Text[]} */ (longTexts)[~end];
  return typeof text === 'string' ? text : new Oversized(text).substring();
}

/**
 * @param {number} day year * 10000 + month * 100 + day of the month
 * @param {number} millis since midnight
 */
function localDate(day, millis) {
  return new Date((day / 10000) | 0, (((day / 100) | 0) % 100) - 1, day % 100, 0, 0, 0, millis);
}

/**
 * The code of a decoder: straight-line reads for each column and one expression for the row, which V8 turns into one
 * allocation with a constant hidden class.
 *
 * @param {Decoder} decoder
 * @param {import('./plain-objects').Maker} maker
 * @param {'make' | 'makeLarge'} make the method of JSON templates
 * @returns {(batch: Batch, count: number, rows: unknown[]) => void}
 */
function generate({ shape, parsers, asArrays }, maker, make) {
  /** @type {string[]} */
  const lines = [];
  let i = shape.nullWords;
  let f = 0;
  shape.kinds.forEach((kind, column) => {
    const isNull = `(ints[i + ${column >>> 5}] & ${1 << (column & 31)}) !== 0`;
    lines.push(
      `let v${column} = null;`,
      `if (!(${isNull})) { ${reading(kind, column, i, f, parsers[column], make)} }`,
    );
    i += INTS[kind];
    f += FLOATS[kind];
  });
  const row = asArrays
    ? maker.array(shape.kinds.map((_, column) => `v${column}`))
    : maker.object(properties(shape));
  const body = `'use strict';
${maker.source}
return function decode(batch, count, rows) {
  const { ints, floats, text, longTexts } = batch;
  let i = batch.i, f = batch.f, s = batch.s, e = 0;
  for (let k = 0; k < count; k++) {
    ${lines.join('\n    ')}
    i += ${shape.ints};
    f += ${shape.floats};
    rows.push(${row});
  }
  batch.i = i;
  batch.f = f;
  batch.s = s;
};`;
  const given = { parsers, localDate, templates, list, longText };
  return new Function(...Object.keys(given), body)(...Object.values(given));
}

/**
 * @param {number} kind
 * @param {number} column
 * @param {number} i offset of the value's ints in a row
 * @param {number} f offset of its float
 * @param {Parser | null} parser
 * @param {'make' | 'makeLarge'} make
 */
function reading(kind, column, i, f, parser, make) {
  const v = `v${column}`;
  /** @param {number} slot */
  const text = (slot) =>
    `e = ints[i + ${slot}]; if (e >= 0) { ${v} = text.substring(s, e); s = e; } else ${v} = longText(longTexts, e);`;
  const parse = `${v} = parsers[${column}](${v});`;
  /** @param {string} elements */
  const listOr = (elements) =>
    `const n = ints[i + ${i}]; if (n >= 0) { ${elements} } else { ${text(i + 1)} ${parse} }`;
  switch (kind) {
    case TEXT:
      return parser === null ? text(i) : `${text(i)} ${parse}`;
    case INT:
      return `${v} = ints[i + ${i}];`;
    case NUMBER:
      return `${v} = floats[f + ${f}];`;
    case BOOL:
      return `${v} = ints[i + ${i}] === 1;`;
    case INSTANT:
      return `const m = floats[f + ${f}]; if (m === m) ${v} = new Date(m); else { ${text(i)} ${parse} }`;
    case LOCAL:
      return `const d = ints[i + ${i}]; if (d >= 0) ${v} = localDate(d, ints[i + ${i + 1}]); else { ${text(i + 2)} ${parse} }`;
    case BYTES:
      return `${v} = batch.bytesTo(ints[i + ${i}]);`;
    case JSON_TEXT:
      return `const t = ints[i + ${i}]; if (t > 0) { batch.s = s; ${v} = templates[t - 1].${make}(batch); s = batch.s; } else { ${text(i + 1)} ${v} = JSON.parse(${v}); }`;
    case INT_LIST:
      return listOr(`${v} = batch.intList(n);`);
    case NUMBER_LIST:
      return listOr(`${v} = batch.numberList(n);`);
    case TEXT_LIST:
      return listOr(`batch.s = s; ${v} = batch.textList(n); s = batch.s;`);
    default:
      return `${v} = parsers[${column}](batch.bytesTo(ints[i + ${i}]));`;
  }
}

/**
 * A name that stands twice has the place of its first and the value of its last mention.
 *
 * @param {Shape} shape
 * @returns {[string, string][]}
 */
function properties({ fields }) {
  /** @type {Map<string, string>} */
  const values = new Map();
  fields.forEach(({ name }, column) => values.set(name, `v${column}`));
  return [...values];
}

module.exports = { Shape, Batch, canGenerate, typeMask: pristine.typeMask };
