'use strict';

const { inspect } = require('node:util');

const EVERYTHING = { depth: Infinity, showHidden: true, getters: true, maxStringLength: Infinity };

/** A secret that can't be mistaken for anything else, in whatever form it turns up. */
class Canary {
  /** @param {number} number tells one from another */
  constructor(number) {
    // Each form that a text can take looks different for it.
    this.text = `C4nary~${number}+pä`;
    /** @type {string[]} */
    this.forms = formsOf(Buffer.from(this.text), this.text);
  }

  /**
   * @param {string} text
   * @returns {string | undefined} the form in which it stands there
   */
  foundIn(text) {
    const lowered = text.toLowerCase();
    return this.forms.find((form) => text.includes(form) || lowered.includes(form.toLowerCase()));
  }
}

/**
 * @param {Buffer} bytes
 * @param {string} text
 */
function formsOf(bytes, text) {
  const quoted = JSON.stringify(text).slice(1, -1);
  const encoded = encodeURIComponent(text);
  const forms = [text, quoted, inspect(text).slice(1, -1), encoded, encodeURI(text), bytes.toString('hex')];
  for (const encoding of ['base64', 'base64url']) {
    for (const offset of [0, 1, 2]) forms.push(base64At(bytes, offset, encoding));
  }
  // As text that was taken for single bytes.
  forms.push(bytes.toString('latin1'));
  return [...new Set(forms)];
}

/** The part of an encoding that doesn't depend on what stands around. */
function base64At(bytes, offset, encoding) {
  const whole = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString(encoding)
    .replace(/=+$/, '');
  const end = (offset + bytes.length) % 3 === 0 ? whole.length : whole.length - 1;
  return whole.slice([0, 2, 3][offset], end);
}

/** All the ways in which a program writes a value into a log, and what it can get hold of by looking closer. */
function everythingOf(value) {
  const seen = new Set();
  return [
    inspect(value),
    inspect(value, EVERYTHING),
    String(value),
    json(value),
    ...stringsOf(value, seen),
  ].join('\n');
}

function json(value) {
  const seen = new Set();
  return JSON.stringify(value, (key, part) => {
    if (typeof part === 'bigint') return String(part);
    if (typeof part !== 'object' || part === null) return part;
    if (seen.has(part)) return undefined;
    seen.add(part);
    return part;
  });
}

/** The texts in an error's own properties, in those of its causes, and in those of the errors it is made of. */
function* stringsOf(value, seen) {
  if (typeof value === 'string') yield value;
  if (!(value instanceof Error) || seen.has(value)) return;
  seen.add(value);
  for (const key of Reflect.ownKeys(value)) {
    const { value: part } = Object.getOwnPropertyDescriptor(value, key);
    yield String(key);
    for (const inner of Array.isArray(part) ? part : [part]) yield* stringsOf(inner, seen);
  }
}

module.exports = { Canary, everythingOf };
