// One fingerprint for the same result whatever a client's taste in types: int8 as string, number or bigint,
// dates as Date or text, Buffers or Uint8Arrays.

import { createHash } from 'node:crypto';

/**
 * @param {Array<Record<string, unknown>>} rows
 * @returns {string} the same for the same values, for every contender
 */
export function checksum(rows) {
  const hash = createHash('sha256');
  for (const row of rows) hash.update(canonical(row));
  return hash.digest('hex').slice(0, 16);
}

function canonical(value) {
  if (value === null || value === undefined) return 'null';
  if (value instanceof Date) return `t${value.getTime()}`;
  if (value instanceof Uint8Array) return `x${createHash('sha256').update(value).digest('hex')}`;
  if (Array.isArray(value) || isTypedArray(value)) return `[${Array.from(value, canonical).join()}]`;
  if (typeof value === 'object') {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${key}:${canonical(value[key])}`).join()}}`;
  }
  if (value === true || value === false) return value ? 'true' : 'false';
  return `s${value}`;
}

function isTypedArray(value) {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}
