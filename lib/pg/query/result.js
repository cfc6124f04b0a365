'use strict';

const { Field } = require('pg-protocol/dist/messages');

const { wary } = require('../../rows/binary-arrays');
const { pgTypes } = require('../../rows/types');

/**
 * @typedef {import('../../rows/types').Parser} Parser
 * @typedef {import('../../rows/types').Types} Types
 */

/**
 * A row as programs get it: an object with the values by the names of the columns, or an array of them.
 *
 * @typedef {Record<string, unknown> | unknown[]} Row
 */

/**
 * A row as the server sends it.
 *
 * @typedef {(string | Buffer | null)[]} RowData
 */

const COMMAND_TAG = /^([A-Za-z]+)(?: (\d+))?(?: (\d+))?/;

/**
 * What a statement answered. Its own properties are node-postgres's, in the same order, internals included, because
 * programs compare, clone and print results.
 */
class Result {
  /**
   * @param {string} [rowMode] 'array' for rows as arrays
   * @param {Types} [types]
   */
  constructor(rowMode, types) {
    /** @type {string | null} */
    this.command = null;
    /** @type {number | null} */
    this.rowCount = null;
    /** @type {number | null} */
    this.oid = null;
    /** @type {unknown[]} */
    this.rows = [];
    /** @type {Field[]} */
    this.fields = [];
    /** @type {Parser[] | undefined} */
    this._parsers = undefined;
    this._types = types;
    this.RowCtor = null;
    this.rowAsArray = rowMode === 'array';
    if (this.rowAsArray) {
      this.parseRow = this._parseRowAsArray;
    }
    /** @type {Record<string, null> | null} */
    this._prebuiltEmptyResultObject = null;
  }

  /** @param {{ text?: string, command?: string }} msg */
  addCommandComplete(msg) {
    const match = COMMAND_TAG.exec(/** @type {string} */ (msg.text || msg.command));
    if (!match) return;
    this.command = match[1];
    if (match[3]) {
      this.oid = parseInt(match[2], 10);
      this.rowCount = parseInt(match[3], 10);
    } else if (match[2]) {
      this.rowCount = parseInt(match[2], 10);
    }
  }

  /**
   * @param {RowData} rowData
   * @returns {unknown[]}
   */
  _parseRowAsArray(rowData) {
    const parsers = /** @type {Parser[]} */ (this._parsers);
    return rowData.map((raw, i) => (raw === null ? null : parsers[i](raw)));
  }

  /**
   * @param {RowData} rowData
   * @returns {Row}
   */
  parseRow(rowData) {
    const parsers = /** @type {Parser[]} */ (this._parsers);
    /** @type {Record<string, unknown>} */
    const row = { ...this._prebuiltEmptyResultObject };
    for (let i = 0; i < rowData.length; i++) {
      const raw = rowData[i];
      const field = this.fields[i];
      if (raw === null) row[field.name] = null;
      else row[field.name] = parsers[i](field.format === 'binary' ? Buffer.from(raw) : raw);
    }
    return row;
  }

  /** @param {Row} row */
  addRow(row) {
    this.rows.push(row);
  }

  /** @param {Field[]} fieldDescriptions */
  addFields(fieldDescriptions) {
    this.fields = fieldDescriptions;
    this._setParsers();
    this._prebuiltEmptyResultObject = blankRow(fieldDescriptions);
  }

  /**
   * Takes the columns from a shape, which many results share: the fields are copied, so that a caller that changes one
   * changes only its own.
   *
   * @param {import('../../rows/rows').Shape} shape
   * @param {Parser[]} [parsers] by column, when they are known
   */
  _addShape(shape, parsers) {
    const shared = shape.fields;
    const fields = new Array(shared.length);
    for (let i = 0; i < shared.length; i++) {
      const f = shared[i];
      fields[i] = new Field(
        f.name,
        f.tableID,
        f.columnID,
        f.dataTypeID,
        f.dataTypeSize,
        f.dataTypeModifier,
        f.format,
      );
    }
    this.fields = fields;
    if (parsers === undefined) this._setParsers();
    else this._parsers = parsers.slice();
    if (shape.blankRow === undefined) shape.blankRow = blankRow(fields);
    this._prebuiltEmptyResultObject = shape.blankRow;
  }

  _setParsers() {
    const { fields } = this;
    // Without columns the parsers of the result set before stay, as in node-postgres.
    if (fields.length === 0) return;
    const types = this._types || pgTypes;
    const parsers = new Array(fields.length);
    for (let i = 0; i < fields.length; i++) {
      parsers[i] = wary(types.getTypeParser(fields[i].dataTypeID, fields[i].format || 'text'));
    }
    this._parsers = parsers;
  }
}

/**
 * All columns with null, in the order of the first mention of each name. Built without a prototype first, so that a
 * column called `__proto__` is a column.
 *
 * @param {{ name: string }[]} fields
 * @returns {Record<string, null>}
 */
function blankRow(fields) {
  const names = Object.create(null);
  for (const field of fields) names[field.name] = null;
  return { ...names };
}

module.exports = Result;
