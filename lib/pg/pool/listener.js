'use strict';

const { native } = require('../../native/binding');
const { clearTimeout, setTimeout } = require('../../timers');
const { callOut, emitErrorToListeners, inContext } = require('../call/caller');
const { escapeIdentifier } = require('../query/escape');
const { shown } = require('../settings/settings');
const { POOL_ENDED, UNEXPECTED_END } = require('../../texts');

// The server cuts longer names off, and would then notify under another name.
const CHANNEL_MAX_BYTES = 63;

// Between attempts to get a lost connection back. Each wait is shortened at random by up to a half, so that many
// processes don't come back at the same moment.
const FIRST_WAIT_MILLIS = 100;
const LONGEST_WAIT_MILLIS = 30000;

// These probes detect an idle connection whose other side has disappeared.
const PROBE_AFTER_MILLIS = 60000;

/**
 * @typedef {import('./client-keeper').PooledClient & {
 *   connect(): Promise<unknown>,
 *   query(text: string): Promise<unknown>,
 *   end(): Promise<void>,
 *   _ended: boolean,
 *   host: string,
 *   port: number,
 *   _isCarried: boolean,
 *   _given?: object,
 * }} ListeningClient
 */

/** @typedef {import('../../../types/client').Notification} Notification */

/** @typedef {(message: Notification) => void} Handler */

/** @typedef {{ onGap?: (gap: import('../../../types/pool').ListenGap) => void }} ListenOptions */

/** One handler's subscription to a channel. */
class Subscription {
  /**
   * @param {Listener} listener
   * @param {string} channel
   * @param {Handler} handler
   * @param {ListenOptions['onGap']} onGap
   */
  constructor(listener, channel, handler, onGap) {
    this.channel = channel;
    this._listener = listener;
    this._handler = inContext(/** @type {(...args: unknown[]) => unknown} */ (handler));
    this._onGap =
      onGap === undefined ? undefined : inContext(/** @type {(...args: unknown[]) => unknown} */ (onGap));
    this._isActive = false;
    /** @type {Promise<void> | null} */
    this._ended = null;
    for (const name of ['_listener', '_handler', '_onGap', '_isActive', '_ended']) {
      Object.defineProperty(this, name, { enumerable: false });
    }
  }

  /**
   * Ends it. The handler isn't called any more, from now on.
   *
   * @returns {Promise<void>} done when the server knows
   */
  unlisten() {
    if (this._ended === null) this._ended = this._listener._remove(this);
    return this._ended;
  }

  /** @returns {Promise<void>} */
  [Symbol.asyncDispose]() {
    return this.unlisten();
  }
}

/**
 * A pool's connection for LISTEN: one beside those of the pool, which reconnects when it is lost.
 */
class Listener {
  /** @param {import('./pool')} pool */
  constructor(pool) {
    this._pool = pool;
    /** @type {Map<string, Set<Subscription>>} by channel */
    this._subscriptions = new Map();
    /** @type {ListeningClient | null} the client that listens now */
    this._client = null;
    /** @type {Promise<ListeningClient> | null} */
    this._opening = null;
    /** @type {ListeningClient | null} the client that is being connected */
    this._candidate = null;
    /** @type {Set<string>} channels that the client listens to */
    this._channels = new Set();
    /** @type {{ error: unknown, lostAt: Date, attempts: number } | null} since the connection was lost */
    this._loss = null;
    /** @type {NodeJS.Timeout | undefined} */
    this._timer = undefined;
    this._isClosed = false;
  }

  /**
   * @param {string} channel
   * @param {Handler} handler
   * @param {ListenOptions} [options]
   * @returns {Promise<Subscription>}
   */
  async listen(channel, handler, options = {}) {
    checkArguments(channel, handler, options);
    const subscription = new Subscription(this, channel, handler, options.onGap);
    const others = this._subscriptions.get(channel);
    if (others === undefined) this._subscriptions.set(channel, new Set([subscription]));
    else others.add(subscription);
    try {
      const client = await this._ready();
      if (!this._channels.has(channel)) {
        await client.query(`LISTEN ${escapeIdentifier(channel)}`);
        this._channels.add(channel);
      }
    } catch (error) {
      await subscription.unlisten();
      throw error;
    }
    subscription._isActive = true;
    return subscription;
  }

  /** @returns {Promise<void>} */
  async close() {
    this._isClosed = true;
    this._subscriptions.clear();
    if (this._candidate !== null) this._candidate.end();
    await Promise.allSettled([this._opening, this._rest()]);
  }

  /** Closes the connection, when no subscription is left. */
  async _rest() {
    clearTimeout(this._timer);
    this._loss = null;
    const client = this._client;
    this._client = null;
    this._channels.clear();
    // One that is being made closes itself when it finds no subscription.
    if (client !== null) await client.end();
  }

  /** @param {Subscription} subscription */
  async _remove(subscription) {
    const { channel } = subscription;
    const others = this._subscriptions.get(channel);
    if (others === undefined) return;
    others.delete(subscription);
    if (others.size > 0) return;
    this._subscriptions.delete(channel);
    if (this._subscriptions.size === 0) {
      await this._rest();
    } else if (this._channels.delete(channel) && this._client !== null) {
      // When the connection is lost meanwhile, the server has forgotten the channel as well.
      await Promise.allSettled([this._client.query(`UNLISTEN ${escapeIdentifier(channel)}`)]);
    }
  }

  /** @returns {Promise<ListeningClient>} the client, which is connected again first if it has to be */
  _ready() {
    if (this._client !== null) return Promise.resolve(this._client);
    if (this._opening === null) {
      clearTimeout(this._timer);
      const opening = this._open();
      const over = () => {
        this._opening = null;
        this._candidate = null;
      };
      this._opening = opening;
      opening.then(over, over);
    }
    return this._opening;
  }

  async _open() {
    if (this._isClosed) throw new Error(POOL_ENDED);
    const client = this._makeClient();
    this._candidate = client;
    try {
      await client.connect();
      const channels = [...this._subscriptions.keys()];
      if (channels.length > 0) {
        await client.query(channels.map((channel) => `LISTEN ${escapeIdentifier(channel)}`).join('; '));
      }
      if (this._subscriptions.size === 0) throw new Error('No subscription is left');
      if (client._ended) throw new Error(UNEXPECTED_END);
      for (const channel of channels) this._channels.add(channel);
      this._client = client;
    } catch (error) {
      await client.end();
      if (this._loss !== null) this._tryLater(error);
      throw error;
    }
    this._tellGap();
    return client;
  }

  _makeClient() {
    const { options } = this._pool;
    const client = /** @type {ListeningClient} */ (/** @type {unknown} */ (new this._pool.Client(options)));
    if (client._given !== undefined) {
      if (options.keepAlive === undefined) {
        Object.assign(client._given, { keepAlive: true, keepAliveInitialDelayMillis: PROBE_AFTER_MILLIS });
      }
      takeSession(client);
    }
    /** @type {Error | null} */
    let first = null;
    client.on('notification', (message) => this._notify(message));
    client.on('error', (error) => {
      first ??= error;
    });
    client.once('end', () => {
      this._handleEnd(client, first || new Error(UNEXPECTED_END));
    });
    return client;
  }

  /** @param {Notification} message */
  _notify(message) {
    for (const subscription of this._subscriptions.get(message.channel) || []) {
      callOut(subscription._handler, message);
    }
  }

  /**
   * @param {ListeningClient} client
   * @param {Error} error
   */
  _handleEnd(client, error) {
    if (client !== this._client) return;
    this._client = null;
    this._channels.clear();
    this._loss = { error, lostAt: new Date(), attempts: 0 };
    this._tryLater(error);
    emitErrorToListeners(this._pool, error, client);
  }

  /** @param {unknown} error why there is no connection */
  _tryLater(error) {
    const loss = /** @type {{ error: unknown, attempts: number }} */ (this._loss);
    loss.error = error;
    const wait = Math.min(FIRST_WAIT_MILLIS * 2 ** loss.attempts, LONGEST_WAIT_MILLIS);
    loss.attempts++;
    this._timer = setTimeout(
      () => {
        // A failure has set the next timer already.
        Promise.allSettled([this._ready()]);
      },
      wait * (1 - Math.random() / 2),
    );
  }

  _tellGap() {
    const loss = this._loss;
    if (loss === null) return;
    this._loss = null;
    const { error, lostAt, attempts } = loss;
    for (const subscriptions of this._subscriptions.values()) {
      for (const { channel, _onGap, _isActive } of subscriptions) {
        if (_isActive && _onGap) callOut(_onGap, { channel, error, lostAt, resumedAt: new Date(), attempts });
      }
    }
  }
}

/**
 * Has a client connect in session mode, in which alone it can listen, where its host has that on another port.
 *
 * @param {ListeningClient} client
 */
function takeSession(client) {
  if (client._isCarried) return;
  const port = native.sessionPort(String(client.host), Number(client.port));
  if (port === null) return;
  client.port = port;
  Object.assign(/** @type {object} */ (client._given), { poolMode: null });
}

/**
 * @param {unknown} channel
 * @param {unknown} handler
 * @param {unknown} options
 * @throws {TypeError}
 */
function checkArguments(channel, handler, options) {
  if (typeof channel !== 'string' || channel === '' || channel.includes('\0')) {
    throw new TypeError(`The name of a channel must be a string that isn't empty, got ${shown(channel)}`);
  }
  if (Buffer.byteLength(channel) > CHANNEL_MAX_BYTES) {
    throw new TypeError(`The name of a channel can't be longer than ${CHANNEL_MAX_BYTES} bytes`);
  }
  if (typeof handler !== 'function') {
    throw new TypeError(`The handler of a channel must be a function, got ${shown(handler)}`);
  }
  if (options === null || typeof options !== 'object') {
    throw new TypeError(`The options of a subscription must be an object, got ${shown(options)}`);
  }
  const { onGap } = /** @type {{ onGap?: unknown }} */ (options);
  if (onGap !== undefined && typeof onGap !== 'function') {
    throw new TypeError(`"onGap" must be a function, got ${shown(onGap)}`);
  }
}

module.exports = Listener;
