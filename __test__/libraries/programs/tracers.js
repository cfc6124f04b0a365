'use strict';

// Two ways of tracers to see queries, in short: one wraps the methods of the classes as soon as their files are loaded,
// and looks for the query in the client's queue; the other changes the text of the files.

const Module = require('node:module');
const path = require('node:path');

const seen = { wrapped: [], finished: [], changed: [] };
globalThis.seen = seen;

const { _compile, require: original } = Module.prototype;
const isFileOf = (name, file, filename) =>
  filename.endsWith(['', 'node_modules', name, ...file.split('/')].join(path.sep));

Module.prototype._compile = function compile(text, filename, ...rest) {
  const changed = isFileOf('pg', 'lib/client.js', filename)
    ? into(text, 'query', "seen.changed.push('query')")
    : isFileOf('pg-pool', 'index.js', filename)
      ? into(text, 'connect', "seen.changed.push('pool.connect')")
      : text;
  return _compile.call(this, changed, filename, ...rest);
};

function into(text, method, statement) {
  const changed = text.replace(
    new RegExp(`^ {2}${method}\\([^)]*\\) \\{$`, 'm'),
    (head) => `${head} ${statement};`,
  );
  if (changed === text) throw new Error(`there is no ${method} to change`);
  return changed;
}

const done = new Set();
Module.prototype.require = function tracingRequire(request) {
  const exported = original.call(this, request);
  const filename = Module._resolveFilename(request, this);
  if (isFileOf('pg', 'lib/client.js', filename) && !done.has(filename)) {
    done.add(filename);
    wrapQuery(exported.prototype);
  }
  return exported;
};

function wrapQuery(prototype) {
  const { query } = prototype;
  prototype.query = function tracedQuery(...args) {
    const text = args[0].text ?? args[0];
    seen.wrapped.push(text);
    const returned = query.apply(this, args);
    const found = this._queryQueue.at(-1) ?? this._activeQuery;
    if (found.callback) {
      const { callback } = found;
      found.callback = function traced(...answer) {
        seen.finished.push([text, answer[0]?.code ?? answer[1].rows]);
        return callback.apply(this, answer);
      };
    } else {
      found
        .once('error', (error) => seen.finished.push([text, error.code]))
        .once('end', (result) => seen.finished.push([text, result.rows]));
    }
    return returned;
  };
}

const pg = require('pg');

async function main() {
  const client = new pg.Client(process.argv[2]);
  await client.connect();
  await client.query('SELECT 1 AS one');
  await client.query('SELECT $1::int AS n', [2]);
  await client.query('SELECT nothing').catch(() => {});
  await new Promise((resolve) => client.query({ text: 'SELECT 3 AS three' }, resolve));
  const query = client.query(new pg.Query('SELECT 4 AS four'));
  await new Promise((resolve) => query.on('end', resolve));
  const failing = client.query(new pg.Query('SELECT nothing'));
  await new Promise((resolve) => failing.on('error', resolve));
  await client.end();

  const pool = new pg.Pool({ connectionString: process.argv[2], max: 1 });
  await pool.query('SELECT 5 AS five');
  await Promise.all([6, 7].map((n) => pool.query('SELECT $1::int AS n', [n])));
  const lent = await pool.connect();
  await lent.query('SELECT 8 AS eight');
  lent.release();
  await pool.end();
  return { driver: pg === require('pgfleet/pg') ? 'pgfleet' : 'pg', ...seen };
}

main().then((outcome) => console.log(JSON.stringify(outcome)));
