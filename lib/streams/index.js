'use strict';

const CopyBoth = require('./copy-both');
const CopyFrom = require('./copy-from');
const CopyTo = require('./copy-to');
const Cursor = require('./cursor');
const QueryStream = require('./query-stream');

/** The functions of npm's pg-copy-streams. */
const copyStreams = {
  /**
   * @param {string} text
   * @param {import('node:stream').WritableOptions} [options]
   */
  from: (text, options) => new CopyFrom(text, options),
  /**
   * @param {string} text
   * @param {import('node:stream').ReadableOptions} [options]
   */
  to: (text, options) => new CopyTo(text, options),
  /**
   * @param {string} text
   * @param {import('node:stream').DuplexOptions & { alignOnCopyDataFrame?: boolean }} [options]
   */
  both: (text, options) => new CopyBoth(text, options),
};

module.exports = { Cursor, QueryStream, copyStreams };
