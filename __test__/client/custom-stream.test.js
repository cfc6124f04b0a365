'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('a stream of the caller', () => {
  forBoth(({ pg, ours }) => {
    for (const [what, option] of Object.entries({
      'a socket': (socket) => socket,
      'a function that gives a socket': (socket) => () => socket,
    })) {
      // The core opens its sockets itself, so a stream of JavaScript's has nothing to carry.
      test(`${what} ${ours ? 'is left alone' : 'carries the connection'}`, async () => {
        const socket = new net.Socket();
        const client = new pg.Client((await postgres()).config({ stream: option(socket) }));
        await client.connect();
        const { rows } = await client.query('SELECT $1::text AS word', ['é']);
        await client.end();
        assert.deepEqual(rows, [{ word: 'é' }]);
        assert.equal(socket.bytesRead > 0, !ours);
        assert.equal(socket.bytesWritten > 0, !ours);
      });
    }
  });
});
