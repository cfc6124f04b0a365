'use strict';

const { toOrder } = require('./ddl-order');
const { recordText } = require('./migration-table');
const { fromNative } = require('../errors');
const { native } = require('../native/binding');
const { NOT_APPLIED, withFate } = require('../pg/query/script-outcome');

/**
 * @typedef {import('./ddl-order').Order} Order
 * @typedef {import('../errors').PgError & { migration?: string }} MigrationFailure
 */

/** Stands behind a migration to find out whether that ends where its file does; unlike anything in a migration. */
const PROBE = 'SELECT pgfleet_end_of_file';

/** Several SQL migrations as one script, which is applied as a whole or not at all. */
class MigrationScript {
  /** @type {'up' | 'down'} */
  #direction;
  #text = '';
  /** @type {{ name: string, start: number, steps: number }[]} where each begins, and how many statements it has */
  #parts = [];
  /** @type {string | undefined} the migration whose statement was refused */
  #failed;
  /** What it has left in its session. */
  session = { isChanged: false, isSpoiled: false };

  /** @param {'up' | 'down'} direction */
  constructor(direction) {
    this.#direction = direction;
  }

  /**
   * @param {string} name
   * @param {string} sql
   * @throws {Error} that has `migration` when it can't be a part of a script
   */
  add(name, sql) {
    const refusal = native.refusalOfScript(sql, true);
    if (refusal !== null) throw failureOf(name, fromNative(refusal));
    // Otherwise the next file would be read as part of this one.
    if (statementsOf(`${sql}\n;${PROBE}`).at(-1) !== PROBE) {
      throw failureOf(
        name,
        new SyntaxError(`Migration ${name} ends within a literal, a comment or COPY data`),
      );
    }
    const text = `${sql}\n;\n${recordText(name, this.#direction)};\n`;
    this.#parts.push({ name, start: this.#text.length, steps: statementsOf(text).length });
    this.#text += text;
  }

  /**
   * Runs it in a transaction.
   *
   * @param {(order: Order) => Promise<unknown>} run
   * @param {{ tellsSteps: boolean }} options whether `run` tells which statement failed
   * @throws what it fails with, with the name of the file as `migration`
   */
  async run(run, { tellsSteps }) {
    const onProgress = tellsSteps ? (/** @type {unknown} */ event) => this.#told(event) : undefined;
    // What a migration sets is undone, so that the pool's other users don't find it.
    const order = toOrder(this.#text, { transaction: true, onProgress }, undefined);
    try {
      await run(order);
    } catch (error) {
      throw this.#located(/** @type {MigrationFailure} */ (error));
    } finally {
      Object.assign(this.session, order.session);
    }
  }

  /** @param {unknown} event */
  #told(event) {
    const { step, state } = /** @type {{ step: number, state: string }} */ (event);
    if (state !== 'failed') return;
    let last = 0;
    this.#failed = this.#parts.find(({ steps }) => step <= (last += steps))?.name;
  }

  /**
   * An error with the file that it is in, and its position in what that file has for the direction.
   *
   * @param {MigrationFailure} error
   */
  #located(error) {
    const position = Number(error.position);
    if (!position) return this.#failed === undefined ? error : failureOf(this.#failed, error);
    // The server counts characters, and not UTF-16 units.
    const index = Array.from(this.#text)
      .slice(0, position - 1)
      .join('').length;
    const part = this.#parts.findLast(({ start }) => start <= index);
    if (part === undefined) return error;
    const before = Array.from(this.#text.slice(0, part.start)).length;
    error.position = String(position - before);
    return failureOf(part.name, error);
  }
}

/**
 * @param {string} name
 * @param {MigrationFailure} error
 */
function failureOf(name, error) {
  if (error.outcome === undefined) withFate(error, NOT_APPLIED);
  error.migration = name;
  return error;
}

/** @param {string} text */
function statementsOf(text) {
  return native.piecesOfScript(text, 'transaction').flatMap(({ statements }) => statements);
}

module.exports = { MigrationScript };
