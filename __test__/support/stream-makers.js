'use strict';

const net = require('node:net');
const { describe } = require('node:test');

/**
 * The makers of cursors and streams, and the clients they are used on: npm's packages on pg, the same ones on this
 * package and on a socket that the caller brings to it, and this package's own.
 */
const MAKERS = [
  { label: "npm's on pg", driver: () => require('pg'), makers: npmMakers, ours: false },
  { label: "npm's on pgfleet", driver: () => require('../..'), makers: npmMakers, ours: false },
  { label: "npm's on pgfleet, own socket", driver: onOwnSockets, makers: npmMakers, ours: false },
  { label: 'pgfleet', driver: () => require('../..'), makers: () => require('../..'), ours: true },
];

function onOwnSockets() {
  const pg = require('../..');
  const withSocket = (config) => ({ ...config, stream: () => new net.Socket() });
  class Client extends pg.Client {
    constructor(config) {
      super(withSocket(config));
    }
  }
  class Pool extends pg.Pool {
    constructor(config) {
      super(withSocket(config));
    }
  }
  return { Client, Pool, DatabaseError: pg.DatabaseError, Result: pg.Result };
}

function npmMakers() {
  return {
    Cursor: require('pg-cursor'),
    QueryStream: require('pg-query-stream'),
    copyStreams: require('pg-copy-streams'),
  };
}

/**
 * Runs a body of tests for each of them, with the same assertions.
 *
 * @param {(contender: { driver: typeof import('pg'), Cursor: any, QueryStream: any, copyStreams: any,
 *   label: string, ours: boolean }) => void} body `ours`: the streams are this package's own
 */
function forEachMaker(body) {
  const only = process.env.PGFLEET_CONTENDER;
  for (const { label, driver, makers, ours } of MAKERS) {
    if (only && only !== (label === "npm's on pg" ? 'pg' : 'pgfleet')) continue;
    describe(label, () => {
      const { Cursor, QueryStream, copyStreams } = makers();
      body({ driver: driver(), Cursor, QueryStream, copyStreams, label, ours });
    });
  }
}

module.exports = { forEachMaker };
