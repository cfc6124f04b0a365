'use strict';

const {
  NoticeMessage,
  NotificationResponseMessage,
  ParameterStatusMessage,
} = require('pg-protocol/dist/messages');

const { copyServerFields } = require('../../errors');

/**
 * Names of the fields of a NoticeResponse by their types, see
 * https://www.postgresql.org/docs/current/protocol-error-fields.html.
 *
 * @type {Record<string, string>}
 */
const FIELDS = {
  S: 'severity',
  C: 'code',
  M: 'message',
  D: 'detail',
  H: 'hint',
  P: 'position',
  p: 'internalPosition',
  q: 'internalQuery',
  W: 'where',
  s: 'schema',
  t: 'table',
  c: 'column',
  d: 'dataType',
  n: 'constraint',
  F: 'file',
  L: 'line',
  R: 'routine',
};

/**
 * @param {string} fields as they stand in the message: a letter and a text each, with a null behind it
 * @param {number} length of the message
 * @returns {NoticeMessage} the message object that 'notice' listeners of node-postgres get
 */
function noticeMessage(fields, length) {
  /** @type {Record<string, string>} */
  const payload = {};
  let end;
  for (let start = 0; start < fields.length; start = end + 1) {
    end = fields.indexOf('\0', start);
    const name = FIELDS[fields[start]];
    if (name !== undefined) payload[name] = fields.slice(start + 1, end);
  }
  const notice = new NoticeMessage(length, payload.message);
  copyServerFields(notice, payload);
  return notice;
}

/**
 * @param {{ processId: number, channel: string, payload: string, length?: number }} payload
 * @returns {NotificationResponseMessage} the message object that 'notification' listeners of node-postgres get
 */
function notificationMessage({ processId, channel, payload, length }) {
  // The length word and the process id, then two strings with their ends.
  const bytes = length || 4 + 4 + Buffer.byteLength(channel) + 1 + Buffer.byteLength(payload) + 1;
  return new NotificationResponseMessage(bytes, processId, channel, payload);
}

/**
 * @param {string} name
 * @param {string} value
 * @returns {ParameterStatusMessage} what 'parameterStatus' listeners of a connection of node-postgres get
 */
function parameterMessage(name, value) {
  // The length word, then two strings with their ends.
  const bytes = 4 + Buffer.byteLength(name) + 1 + Buffer.byteLength(value) + 1;
  return new ParameterStatusMessage(bytes, name, value);
}

module.exports = { noticeMessage, notificationMessage, parameterMessage };
