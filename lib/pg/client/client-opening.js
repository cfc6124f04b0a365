'use strict';

const { native, register, connections } = require('../../native/binding');
const { nextTick } = require('../../timers');
const { connectObeying } = require('../call/abort');
const { callOut } = require('../call/caller');
const { channels, isWatched, place, trace } = require('../call/diagnostics');
const { endError } = require('../errors/loss');
const MessageCore = require('../messages/message-core');
const { ClientLink } = require('./client-link');
const { settingsOf } = require('./client-settings');
const NativeConnection = require('./native-connection');
const ownMethods = require('./own-methods');
const { projectAt } = require('../settings/project');
const { CONNECTED_TWICE } = require('../../texts');

/** @import Client from './client' */

/**
 * Gets the error, or the client; and whether the error is the reason of a signal.
 *
 * @typedef {(error: unknown, client?: Client, isReason?: boolean) => void} ConnectCallback
 */

/** @typedef {import('../../native/addon').Connection} NativeCore */

/** @typedef {import('../../native/receiver').EndReceiver} EndReceiver */

/**
 * A client's request to connect.
 *
 * @implements {EndReceiver}
 */
class ConnectRequest {
  /** @param {Client} client */
  constructor(client) {
    this.client = client;
  }

  done() {
    opened(this.client);
  }

  /** @param {Error} error */
  fail(error) {
    this.client._handleConnectFailure(error);
  }
}

/**
 * `client.connect`, as tracers are told of it.
 *
 * @param {Client} client
 * @param {unknown} options where the signal is, if there is one
 * @param {ConnectCallback} callback
 */
function connect(client, options, callback) {
  if (!isWatched(channels.connect)) {
    connectObeying(client, options, callback);
    return;
  }
  const context = place(client);
  trace(channels.connect, context, (settled) => {
    connectObeying(client, options, (/** @type {Parameters<ConnectCallback>} */ ...outcome) => {
      context.processID = client.processID;
      settled(outcome[0]);
      callback(...outcome);
    });
  });
}

/**
 * Opens a client's connection.
 *
 * @param {Client} client
 * @param {ConnectCallback} callback
 */
function open(client, callback) {
  if (client._isAdopted) {
    client._isAdopted = false;
    if (client._connection instanceof NativeConnection)
      client._connection.opened(/** @type {NativeCore} */ (client._core));
    callback(null, client);
    return;
  }
  if (client._connecting || client._connected) {
    const error = new Error(CONNECTED_TWICE);
    nextTick(() => callback(error));
    return;
  }
  client._connectionCallback = callback;
  client._connecting = true;
  try {
    const settings = settingsOf(client);
    const core = client._isCarried
      ? new MessageCore(client, /** @type {import('./connection')} */ (client._connection), settings)
      : native.openConnection(settings);
    own(client, core);
    core.connect(register(new ConnectRequest(client)));
  } catch (error) {
    nextTick(() => client._handleConnectFailure(error));
  }
}

/**
 * Takes charge of a native connection.
 *
 * @param {Client} client
 * @param {Client['_core']} core
 */
function own(client, core) {
  client._core = core;
  connections.set(core.id, new ClientLink(client));
  if (client._connection instanceof NativeConnection) client._connection.follow();
}

/**
 * Makes a client that of a connection which a pool has opened already.
 *
 * @param {Client} client
 * @param {NativeCore} core
 */
function adopt(client, core) {
  own(client, core);
  markConnected(client);
  client._txStatus = core.transactionStatus;
  client.readyForQuery = true;
  if (Object.getPrototypeOf(client).connect === ownMethods.connect) return;
  // A program that replaces `connect` expects it to be called for every client.
  client._isAdopted = true;
  callOut(() => client.connect(() => undefined));
}

/** @param {Client} client */
function markConnected(client) {
  client._connecting = false;
  client._connected = true;
  if (!client._isCarried && projectAt(client._given.supabaseProject, client.host)) {
    client.host = /** @type {NativeCore} */ (client._core).host ?? client.host;
  }
  // A server without support for cancelling gives no key.
  client.processID = client._core.processID || null;
  client.secretKey = client._core.secretKey || null;
}

/** @param {Client} client */
function opened(client) {
  // It was connected just when it was ended.
  if (client._ending && client._connectionCallback !== null) {
    client._handleConnectFailure(endError(true));
    return;
  }
  markConnected(client);
  client._core.setRef(client._ref);
  if (client._connection instanceof NativeConnection)
    client._connection.opened(/** @type {NativeCore} */ (client._core));
  const callback = client._connectionCallback;
  client._connectionCallback = null;
  if (callback) callOut(callback, null, client);
  callOut(() => client.emit('connect'));
  client._txStatus = client._core.transactionStatus;
  client.readyForQuery = true;
  client._pulseQueryQueue();
}

module.exports = { adopt, connect, open };
