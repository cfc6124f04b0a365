'use strict';

const dgram = require('node:dgram');
const net = require('node:net');
const { once } = require('node:events');

const TYPES = { 1: 'A', 28: 'AAAA' };
const NAME_ERROR = 3;
const SERVER_FAILURE = 2;

/**
 * A name server on port 53 of 127.0.0.1. It knows these names, and that there is no other.
 *
 * @param {Record<string, { A?: string[], AAAA?: string[], fails?: boolean, silent?: boolean }>} names
 * @returns {Promise<{ close: () => void }>}
 */
async function nameServer(names) {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (question, from) => {
    const answer = answerTo(question, names);
    if (answer) socket.send(answer, from.port, from.address);
  });
  socket.bind(53, '127.0.0.1');
  await once(socket, 'listening');
  return { close: () => socket.close() };
}

function answerTo(question, names) {
  const labels = [];
  let at = 12;
  while (question[at] > 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + question[at]));
    at += 1 + question[at];
  }
  const end = at + 5;
  const known = names[labels.join('.').toLowerCase()];
  if (known?.silent) return null;
  const type = TYPES[question.readUInt16BE(at + 1)];
  const addresses = known?.[type] ?? [];
  const code = known?.fails ? SERVER_FAILURE : known ? 0 : NAME_ERROR;
  const head = Buffer.from(question.subarray(0, 12));
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, question.subarray(12, end), ...addresses.map(record)]);
}

function record(address) {
  const bytes = net.isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6(address);
  const head = Buffer.from([0xc0, 12, 0, bytes.length === 4 ? 1 : 28, 0, 1, 0, 0, 0, 60, 0, bytes.length]);
  return Buffer.concat([head, bytes]);
}

function ipv6(address) {
  const [start, end = ''] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = [...start, ...new Array(8 - start.length - end.length).fill('0'), ...end];
  const bytes = Buffer.alloc(16);
  groups.forEach((group, index) => bytes.writeUInt16BE(parseInt(group, 16), 2 * index));
  return bytes;
}

module.exports = { nameServer };
