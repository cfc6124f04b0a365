'use strict';

const path = require('node:path');
const { fork } = require('node:child_process');
const { Worker } = require('node:worker_threads');
const { Crew } = require('./crew.js');

const PROGRAM = path.join(__dirname, 'crew-program.js');

/**
 * A crew at work somewhere.
 *
 * @typedef {object} Posted
 * @property {import('./crew.js').CrewDescription} description
 * @property {'here' | 'thread' | 'process'} place
 * @property {Promise<string | null>} finished resolves to how it ended, unless it has come to its end
 * @property {() => void} stop
 * @property {() => Promise<unknown>} kill ends it as it is; not for one that works here
 * @property {boolean} [isKilled]
 * @property {Crew} [crew] the one that works here
 */

/** @param {import('node:events').EventEmitter} program a worker or a process */
function endOf(program) {
  return new Promise((resolve) => {
    let how = null;
    program.once('error', (error) => (how = error.stack));
    program.once('exit', (code, signal) => {
      if (code !== 0) how ??= signal ? `by ${signal}` : `with code ${code}`;
      resolve(how);
    });
  });
}

/** @returns {Posted} */
function postHere(description) {
  const crew = new Crew(description);
  return {
    description,
    place: 'here',
    crew,
    finished: crew.work().then(() => null),
    stop: () => crew.stop(),
    kill: () => Promise.reject(new Error('a crew in this thread can only be stopped')),
  };
}

/** @returns {Posted} */
function postInThread(description) {
  const worker = new Worker(PROGRAM, { workerData: description });
  return {
    description,
    place: 'thread',
    finished: endOf(worker),
    stop: () => worker.postMessage('stop'),
    kill() {
      this.isKilled = true;
      return worker.terminate();
    },
  };
}

/** @returns {Posted} */
function postInProcess(description) {
  // Environment and not arguments: those can be read by every user of the machine.
  const child = fork(PROGRAM, { env: { ...process.env, LEDGER_CREW: JSON.stringify(description) } });
  const finished = endOf(child);
  return {
    description,
    place: 'process',
    finished,
    stop: () => child.connected && child.send('stop'),
    kill() {
      this.isKilled = true;
      child.kill('SIGKILL');
      return finished;
    },
  };
}

module.exports = { postHere, postInProcess, postInThread };
