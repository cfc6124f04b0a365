'use strict';

const { message } = require('../backend-messages.js');
const { Refusal } = require('./refusal.js');

const MOST_STATEMENTS = 100;

/** Which statements a backend has by now, by the pooler's own names. */
const prepared = new WeakMap();

/**
 * A client's named statements, whatever backend it is on: they have names of the pooler's own there, and are prepared again
 * where they are missing.
 */
class PreparedStatements {
  /** @type {Map<string, { name: string, parse: Buffer }>} by the client's name; `parse`: what follows it in its Parse */
  #statements = new Map();
  /** For each answer that is still to come, whether its ParseComplete messages are the client's. */
  #expected = [[]];
  #count = 0;
  #prefix;

  /** @param {number} processId the client's */
  constructor(processId) {
    this.#prefix = `supavisor_${processId}`;
  }

  /**
   * @param {import('./message-socket.js').Message} received
   * @param {object} backend
   * @returns {Buffer[]} what goes to the backend in its place
   */
  toBackend(received, backend) {
    const { type, body, bytes } = received;
    if (type === 'P') return this.#parse(body, bytes, backend);
    if (type === 'B') return this.#bind(body, bytes, backend);
    if ((type === 'D' || type === 'C') && body[0] === 'S'.charCodeAt(0)) {
      return this.#named(type, body, bytes, backend);
    }
    if (type === 'S' || type === 'Q' || type === 'F') this.#expected.push([]);
    return [bytes];
  }

  /** @returns {boolean} whether a message of the backend is for the client */
  isForClient({ type }) {
    if (type === 'Z') this.#expected.shift();
    return type !== '1' || this.#expected[0].shift() !== false;
  }

  #parse(body, bytes, backend) {
    const [name, rest] = cut(body);
    this.#expected.at(-1).push(true);
    if (name === '') return [bytes];
    if (this.#statements.has(name)) throw Refusal.of('EPREPAREDDUP', { name });
    if (this.#statements.size >= MOST_STATEMENTS) throw Refusal.of('EMAXPREPARED');
    const own = `${this.#prefix}_${++this.#count}`;
    this.#statements.set(name, { name: own, parse: rest });
    statementsOf(backend).add(own);
    return [message('P', own, rest)];
  }

  #bind(body, bytes, backend) {
    const [portal, rest] = cut(body);
    const [name, values] = cut(rest);
    if (name === '') return [bytes];
    const [statement, ...before] = this.#find(name, backend);
    return [...before, message('B', portal, statement, values)];
  }

  #named(type, body, bytes, backend) {
    const [name] = cut(body.subarray(1));
    if (name === '' || (type === 'C' && !this.#statements.has(name))) return [bytes];
    const [statement, ...before] = this.#find(name, backend);
    if (type === 'C') this.#statements.delete(name);
    return [...before, message(type, body.subarray(0, 1), statement)];
  }

  /** The pooler's name of a statement, and what prepares it where it is missing. */
  #find(name, backend) {
    const statement = this.#statements.get(name);
    if (!statement) throw Refusal.of('EPREPAREDNOTFOUND', { name });
    const there = statementsOf(backend);
    if (there.has(statement.name)) return [statement.name];
    there.add(statement.name);
    this.#expected.at(-1).push(false);
    return [statement.name, message('P', statement.name, statement.parse)];
  }
}

function statementsOf(backend) {
  if (!prepared.has(backend)) prepared.set(backend, new Set());
  return prepared.get(backend);
}

/** @param {Buffer} bytes @returns {[string, Buffer]} the text up to the zero byte, and what follows */
function cut(bytes) {
  const end = bytes.indexOf(0);
  return [bytes.subarray(0, end).toString(), bytes.subarray(end + 1)];
}

module.exports = { PreparedStatements };
