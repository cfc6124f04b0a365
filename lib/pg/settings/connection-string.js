'use strict';

const { parse } = require('pg-connection-string');

// libpq's form with several servers, postgres://user@h1:1,h2:2/db, which WHATWG URL refuses. A login may have commas too.
const SEVERAL_HOSTS = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#@,]*,[^/?#@]*)(?=[/?#]|$)(.*)$/is;
const HOST_AND_PORT = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/;
// libpq's other form, host=… password=….
const KEY_AND_VALUE = /^\s*\w+\s*=/;

/**
 * A connection string (URL, socket path) as a configuration object.
 *
 * @param {string} text
 * @returns {import('./options').ClientOptions}
 * @throws {TypeError} when the text is no connection string; the message doesn't quote it, since it may hold a password
 */
function parseConnectionString(text) {
  if (typeof text !== 'string')
    throw new TypeError('"connectionString" must be a string, got a ' + typeof text);
  // node-postgres takes all of it for the name of a database, which the server then repeats, password included.
  if (KEY_AND_VALUE.test(text)) {
    throw new TypeError('Invalid connection string: pass a URL, "key=value" pairs are not read');
  }
  const several = SEVERAL_HOSTS.exec(text);
  if (several === null) return parseOne(text);
  const [, before, list, after] = several;
  const hosts = [];
  const ports = [];
  for (const server of list.split(',')) {
    const parts = HOST_AND_PORT.exec(server);
    if (parts === null)
      throw new TypeError('Invalid connection string: a host list is "host1:port1,host2:port2"');
    hosts.push(decodeURIComponent(parts[1].replace(/^\[(.*)\]$/, '$1')));
    ports.push(parts[2] || '');
  }
  const config = parseOne(before + 'several.invalid' + after);
  // `?host=` and `?port=` win over the authority, as they do with one host.
  if (config.host === 'several.invalid') config.host = hosts.join(',');
  if (!config.port && ports.some((port) => port !== '')) config.port = ports.join(',');
  return config;
}

/** @param {string} text */
function parseOne(text) {
  try {
    return /** @type {import('./options').ClientOptions} */ (parse(text));
  } catch (error) {
    // A new error, because the URL parser's own one carries its input, and with it the password.
    if (error instanceof TypeError && 'input' in error)
      throw Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' });
    throw error;
  }
}

module.exports = { parseConnectionString };
