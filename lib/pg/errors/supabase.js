'use strict';

const { native } = require('../../native/binding');
const { isServerError, kindOf } = require('../../errors');

/**
 * Adds to an error that JavaScript has made what it means where the server is a Supabase project's; Rust does so with
 * its own.
 *
 * @template {Error} T
 * @param {T} error
 * @param {{ host: unknown, port: unknown, user: unknown, poolMode?: string | null }} way
 * @returns {T} the same error
 */
function explained(error, { host, port, user, poolMode }) {
  const { code, severity, message, supabase } = /** @type {import('../../errors').PgError} */ (error);
  // It may be the program's own.
  if (supabase !== undefined || typeof message !== 'string' || !Object.isExtensible(error)) return error;
  const advice = native.supabaseAdvice(
    { host: String(host), port: Number(port), user: String(user ?? ''), poolMode: poolMode ?? undefined },
    {
      severity: isServerError(error) ? severity : undefined,
      code: codeOf(error, code),
      message,
    },
  );
  return advice === null ? error : Object.assign(error, { supabase: advice });
}

/**
 * @param {Error} error
 * @param {unknown} code its own
 * @returns {string | undefined} Node's, where it is that of a connection that is gone without a reason
 */
function codeOf(error, code) {
  if (kindOf(error) === 'lost') return 'ECONNRESET';
  return typeof code === 'string' ? code : undefined;
}

module.exports = { explained };
