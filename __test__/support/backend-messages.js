'use strict';

// The messages that a server sends, as buffers. Their layouts are those of
// https://www.postgresql.org/docs/current/protocol-message-formats.html

/**
 * @param {string} type one character
 * @param {...(Buffer | string | number)} parts buffers as they are, strings ended by a zero byte, numbers as
 *   Int32
 * @returns {Buffer}
 */
function message(type, ...parts) {
  const body = Buffer.concat(parts.map(encode));
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function encode(part) {
  if (typeof part === 'string') return Buffer.from(`${part}\0`);
  return typeof part === 'number' ? int32(part) : part;
}

function int32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

const NO_TABLE = 0;
const TEXT_OID = 25;

const authenticationOk = () => message('R', 0);
const authenticationCleartext = () => message('R', 3);
const authenticationMd5 = (salt = Buffer.from([1, 2, 3, 4])) => message('R', 5, salt);
const authenticationSasl = (...mechanisms) => message('R', 10, ...mechanisms, Buffer.from([0]));
const authenticationSaslContinue = (text) => message('R', 11, Buffer.from(text));
const authenticationSaslFinal = (text) => message('R', 12, Buffer.from(text));
const parameterStatus = (name, value) => message('S', name, value);
const backendKeyData = (processId, secretKey) => message('K', processId, secretKey);
const readyForQuery = (status = 'I') => message('Z', Buffer.from(status));
const commandComplete = (tag) => message('C', tag);
const emptyQueryResponse = () => message('I');
const parseComplete = () => message('1');
const bindComplete = () => message('2');
const noData = () => message('n');

/** @param {...string} names columns of type text */
const rowDescription = (...names) =>
  message(
    'T',
    int16(names.length),
    ...names.flatMap((name) => [name, NO_TABLE, int16(0), TEXT_OID, int16(-1), -1, int16(0)]),
  );

/** @param {...(string | null)} values */
const dataRow = (...values) =>
  message(
    'D',
    int16(values.length),
    ...values.flatMap((value) => {
      if (value === null) return [-1];
      const bytes = Buffer.from(value);
      return [bytes.length, bytes];
    }),
  );

const fields = (entries) => [
  ...Object.entries(entries).map(([letter, value]) => Buffer.from(`${letter}${value}\0`)),
  Buffer.from([0]),
];

/** @param {Record<string, string>} [entries] one-letter field codes */
const errorResponse = (entries = {}) =>
  message('E', ...fields({ S: 'ERROR', V: 'ERROR', C: 'XX000', M: 'made-up failure', ...entries }));

/** @param {Record<string, string>} [entries] one-letter field codes */
const noticeResponse = (entries = {}) =>
  message('N', ...fields({ S: 'NOTICE', V: 'NOTICE', C: '00000', M: 'made-up notice', ...entries }));

/** Everything between start-up and the first query, in one buffer. */
const greeting = () =>
  Buffer.concat([
    authenticationOk(),
    parameterStatus('server_version', '17.0'),
    parameterStatus('client_encoding', 'UTF8'),
    parameterStatus('standard_conforming_strings', 'on'),
    backendKeyData(1234, 5678),
    readyForQuery(),
  ]);

/** A whole answer with one text column and one row, in one buffer. */
const oneRow = (value = '1') =>
  Buffer.concat([rowDescription('value'), dataRow(value), commandComplete('SELECT 1'), readyForQuery()]);

module.exports = {
  authenticationCleartext,
  authenticationMd5,
  authenticationOk,
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
  backendKeyData,
  bindComplete,
  commandComplete,
  dataRow,
  emptyQueryResponse,
  errorResponse,
  greeting,
  int16,
  int32,
  message,
  noData,
  noticeResponse,
  oneRow,
  parameterStatus,
  parseComplete,
  readyForQuery,
  rowDescription,
};
