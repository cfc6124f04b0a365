'use strict';

// A crew in a worker thread or a process of its own. It stops when it is told to, and exits by itself: what keeps it
// alive then is a fault.

const { isMainThread, parentPort, workerData } = require('node:worker_threads');
const { Crew } = require('./crew.js');

const description = isMainThread ? JSON.parse(process.env.LEDGER_CREW) : workerData;
const crew = new Crew(description);

for (const event of ['unhandledRejection', 'uncaughtException'])
  process.on(event, (error) => crew.journal.problem(`${event}: ${error?.stack ?? error}`));

const port = isMainThread ? process : parentPort;
port.once('message', () => {
  crew.stop();
  if (isMainThread) process.disconnect();
});
if (isMainThread) process.once('disconnect', () => crew.stop()); // the parent is gone
crew.work();
