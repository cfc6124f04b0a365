'use strict';

// A program of its own that keeps one PostgreSQL server: it starts the server, and when its standard input
// ends - because the program that wanted the server stops it, exits, or is killed - it stops the server and
// removes its directory. That is why no server and no directory outlives a test run, however the run ends.
// A server that doesn't come up leaves its directory, with the logs, to the program that wanted it.
//
// A line on standard input, "fast" or "immediate", stops the server in that way (PostgreSQL's words) and starts it
// again; "ready" is said each time when the server takes connections.
//
// Everything goes through pg_ctl, because on Windows the server refuses to run with the rights of an
// administrator, which pg_ctl takes from it; and a signal can't ask a program to stop there.

const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { once } = require('node:events');

const START_TIMEOUT_SECONDS = 60;
const STOP_TIMEOUT_SECONDS = 10;

const { pgCtl, directory, dataDirectory, account } = JSON.parse(process.argv[2]);
const { NODE_OPTIONS: _, ...environment } = process.env;

// Not the server's own log: Windows doesn't let two programs write into one file.
const complaints = fs.openSync(path.join(directory, 'pg_ctl.log'), 'a');

let stopping = false;
/** What is asked while something is under way has its turn afterwards. */
let turn = announce('start', '-t', START_TIMEOUT_SECONDS);

process.stdin.setEncoding('utf8').on('data', (line) => {
  turn = turn.then(() => !stopping && announce('restart', '-t', START_TIMEOUT_SECONDS, '-m', line.trim()));
});
process.stdin.on('end', stop);
process.stdin.on('error', stop);
process.stdout.on('error', stop);

/** Has pg_ctl do something, and says whether the server is there then. */
async function announce(...words) {
  const reason = await control(...words, '-l', path.join(directory, 'server.log'));
  if (reason === undefined) process.stdout.write('ready\n');
  else process.stdout.write(`failed: ${reason}\n`, () => process.exit(1));
}

/** @returns {Promise<string | undefined>} why it didn't work */
async function control(...words) {
  const child = spawn(pgCtl, [...words.map(String), '-w', '-s', '-D', dataDirectory], {
    ...account,
    cwd: '/',
    env: environment,
    stdio: ['ignore', complaints, complaints],
  });
  try {
    const [code, signal] = await once(child, 'exit');
    return code === 0 ? undefined : `pg_ctl ${words[0]} ended with ${signal ?? code}`;
  } catch (error) {
    return error.message;
  }
}

function stop() {
  if (stopping) return;
  stopping = true;
  turn = turn.then(async () => {
    const stopped = await control('stop', '-t', STOP_TIMEOUT_SECONDS, '-m', 'fast');
    if (stopped !== undefined) await control('stop', '-t', STOP_TIMEOUT_SECONDS, '-m', 'immediate');
    fs.closeSync(complaints);
    fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    process.exit(0);
  });
}
