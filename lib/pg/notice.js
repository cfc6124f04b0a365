'use strict';

const {
  NoticeMessage,
  NotificationResponseMessage,
  ParameterStatusMessage,
} = require('pg-protocol/dist/messages');

const { copyServerFields } = require('../errors');

/**
 * @param {Record<string, any>} payload
 * @returns {any} the message object that 'notice' listeners of node-postgres get
 */
function noticeMessage(payload) {
  if (payload instanceof NoticeMessage) return payload;
  const notice = new NoticeMessage(payload.length, payload.message);
  copyServerFields(notice, payload);
  return notice;
}

/**
 * @param {{ processId: number, channel: string, payload: string, length?: number }} payload
 * @returns {any} the message object that 'notification' listeners of node-postgres get
 */
function notificationMessage({ processId, channel, payload, length }) {
  // The length word and the process id, then two strings with their ends.
  const bytes = length || 4 + 4 + Buffer.byteLength(channel) + 1 + Buffer.byteLength(payload) + 1;
  return new NotificationResponseMessage(bytes, processId, channel, payload);
}

/**
 * @param {string} name
 * @param {string} value
 * @returns {any} what 'parameterStatus' listeners of a connection of node-postgres get
 */
function parameterMessage(name, value) {
  // The length word, then two strings with their ends.
  const bytes = 4 + Buffer.byteLength(name) + 1 + Buffer.byteLength(value) + 1;
  return new ParameterStatusMessage(bytes, name, value);
}

module.exports = { noticeMessage, notificationMessage, parameterMessage };
