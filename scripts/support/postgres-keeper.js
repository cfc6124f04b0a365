'use strict';

// A program of its own that keeps one PostgreSQL server: it starts the server, and when its standard input
// ends - because the program that wanted the server stops it, exits, or is killed - it stops the server and
// removes its directory. That is why no server and no directory outlives a test run, however the run ends.
// A server that doesn't come up leaves its directory, with the log, to the program that wanted it.
//
// A line on standard input, "fast" or "immediate", stops the server in that way (PostgreSQL's words) and starts it
// again; "ready" is said each time when the server takes connections.

const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');

const START_TIMEOUT_MILLIS = 60_000;
const STOP_TIMEOUT_MILLIS = 10_000;
const POLL_MILLIS = 20;

const { binary, directory, dataDirectory, account } = JSON.parse(process.argv[2]);
const { NODE_OPTIONS: _, ...environment } = process.env;

const log = fs.openSync(path.join(directory, 'server.log'), 'a');
let server;
let poll;
start();

function start() {
  server = spawn(binary, ['-D', dataDirectory], {
    ...account,
    cwd: '/',
    env: environment,
    stdio: ['ignore', log, log],
  });
  server.on('error', (error) => giveUp(error.message));
  server.on('exit', (code, signal) => giveUp(`it exited with ${signal ?? code}`));
  const deadline = Date.now() + START_TIMEOUT_MILLIS;
  poll = setInterval(() => {
    if (isReady()) becomeReady();
    else if (Date.now() > deadline) server.kill('SIGKILL');
  }, POLL_MILLIS);
}

process.stdin.setEncoding('utf8').on('data', (line) => restart(line.trim()));
process.stdin.on('end', stop);
process.stdin.on('error', stop);
process.stdout.on('error', stop);

// The first line of postmaster.pid is the server's process, the eighth its state; pg_ctl reads it in the same way.
function isReady() {
  try {
    const lines = fs.readFileSync(path.join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n');
    return Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready';
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

function becomeReady() {
  clearInterval(poll);
  server.removeAllListeners('exit');
  server.on('exit', finish);
  process.stdout.write('ready\n');
}

function giveUp(reason) {
  clearInterval(poll);
  process.stdout.write(`failed: ${reason}\n`, () => process.exit(1));
}

function restart(how) {
  clearInterval(poll);
  server.removeAllListeners('exit');
  server.on('exit', start);
  server.kill(how === 'immediate' ? 'SIGQUIT' : 'SIGINT');
}

function stop() {
  clearInterval(poll);
  server.removeAllListeners('exit');
  if (server.exitCode !== null || server.signalCode !== null) return finish();
  server.on('exit', finish);
  server.kill('SIGINT'); // "fast shutdown" in PostgreSQL's words
  setTimeout(() => server.kill('SIGKILL'), STOP_TIMEOUT_MILLIS).unref();
}

function finish() {
  fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}
