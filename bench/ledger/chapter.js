'use strict';

const { setTimeout: pause } = require('node:timers/promises');
const { audit } = require('./audit.js');
const { postHere, postInProcess, postInThread } = require('./crews.js');
const { cuttingProxy } = require('./cutting-proxy.js');
const faults = require('./faults/index.js');
const { Journal, readJournals } = require('./journal.js');
const { clear, readAll } = require('./schema.js');
const { wordsOf } = require('./verdict.js');

const BETWEEN_FAULTS_MILLIS = [50, 500];
/** How long everything may take to come to its end; a watchdog. */
const END_MILLIS = 90_000;
const POSTS = { here: postHere, thread: postInThread, process: postInProcess };

/**
 * Some seconds of work under faults, then quiet, and the audit. Nothing is left behind but the journals.
 *
 * @param {object} options
 * @param {string} options.name short, unlike any other chapter's
 * @param {import('../../scripts/support/embedded-server.js').EmbeddedServer} options.server
 * @param {string[]} options.databases
 * @param {string} options.directory of the journals
 * @param {import('./random.js').Random} options.random
 * @param {number} options.millis how long faults go on
 * @param {typeof import('./observer.js').observe} options.observe
 * @returns {Promise<{ problems: { what: string, key?: string }[], states: Record<string, number>, faults: object }>}
 */
async function runChapter({ name, server, databases, directory, random, millis, observe }) {
  const journal = new Journal(directory, `${name}-faults`);
  const proxy = await cuttingProxy(server, random.fork('proxy'));
  const enlist = recruiter({ name, server, proxy, databases, directory, random });
  const posted = enlist.all();
  const scene = { server, proxy, databases, posted, journal, random: random.fork('faults'), observe };

  const until = Date.now() + millis;
  // Two at a time, so that one can hit what another has just begun to mend; and one that does nothing but stop scripts,
  // because a chapter without one that is cut there shows little of them.
  const stops = faults.filter(({ stopsScripts }) => stopsScripts);
  const stopping = { ...scene, random: random.fork('stops') };
  const hands = [makeFaults(scene, enlist, until, faults), makeFaults(scene, enlist, until, faults)];
  await Promise.all([...hands, makeFaults(stopping, enlist, until, stops)]);

  for (const { stop } of posted) stop();
  for (const problem of await oddEnds(posted)) journal.problem(problem);
  for (const { crew } of posted) crew?.journal.close();
  await proxy.close();
  for (const backend of await leftBackends(observe))
    journal.problem(`the server has a connection of a crew that has ended: ${JSON.stringify(backend)}`);
  journal.close();
  return settle({ directory, databases, observe });
}

/** @returns {Promise<string[]>} what is wrong with the ends of crews: none after a long while, or another than its own */
async function oddEnds(posted) {
  const late = pause(END_MILLIS, 'nothing yet', { ref: false });
  const ends = posted.map(async ({ finished, description }, i) => {
    const how = await Promise.race([finished, late]);
    return how === null || posted[i].isKilled
      ? []
      : [`the crew ${description.name} has ended otherwise: ${how}`];
  });
  return (await Promise.all(ends)).flat();
}

async function makeFaults(scene, enlist, until, faults) {
  while (Date.now() < until) {
    const fault = scene.random.pickByWeight(faults);
    scene.journal.fault(fault.name);
    // A fault has others to suffer from: its own connection goes with a restart.
    await fault.run(scene).catch((error) => scene.journal.fault(`it failed itself: ${wordsOf(error)}`));
    enlist.replaceKilled(scene.posted);
    await pause(scene.random.between(...BETWEEN_FAULTS_MILLIS));
  }
}

/** Reads the journals and the databases, and compares them. */
async function settle({ directory, databases, observe }) {
  const { accounts, problems, faults: counts } = readJournals(directory);
  for (const database of databases) {
    const own = new Map([...accounts].filter(([, account]) => account.database === database));
    problems.push(...(await observe(async (client) => audit(own, await readAll(client)), database)));
    await observe(clear, database);
  }
  const states = {};
  const without = new Set();
  for (const { state, way, hopeless } of accounts.values()) {
    states[way] ??= {};
    states[way][state] = (states[way][state] ?? 0) + 1;
    if (hopeless) without.add(way);
  }
  problems.push(...fruitless(states, without));
  return { problems, states, faults: counts };
}

/** With so many calls and none of them acknowledged something is wrong: faults spare some of so many. */
const ENOUGH = 50;

/**
 * @param {Record<string, Record<string, number>>} states
 * @param {Set<string>} without ways that need none
 */
function fruitless(states, without) {
  const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
  return Object.entries(states)
    .filter(([way, counts]) => !without.has(way) && !counts.acknowledged && total(counts) >= ENOUGH)
    .map(([way, counts]) => ({ what: `none is acknowledged of ${total(counts)} by "${way}"` }));
}

/** Waits until no backend of the ledger is left, so that nothing more can be committed. Returns those that stay. */
async function leftBackends(observe) {
  const sql = `SELECT pid, application_name, datname, client_port, state, wait_event, backend_start, left(query, 200) AS query
    FROM pg_stat_activity WHERE application_name LIKE 'ledger%'`;
  const deadline = Date.now() + END_MILLIS;
  for (;;) {
    const { rows } = await observe((client) => client.query(sql));
    if (rows.length === 0 || Date.now() > deadline) return rows;
    await pause(50);
  }
}

/** The workers of a chapter, and the replacements of those that were killed. */
function recruiter({ name, server, proxy, databases, directory, random }) {
  let count = 0;
  const near = { host: server.host, port: server.port };
  const far = { host: proxy.host, port: proxy.port };
  const tls = { ssl: { rejectUnauthorized: false } };

  const enlist = (place, kind, options, { hands = 3, listens = false } = {}) => {
    const crew = `${name}${place}${(count += 1)}`;
    const config = (database) =>
      server.config({ max: 3, ssl: false, application_name: `ledger ${crew}`, ...options, database });
    return POSTS[place]({
      name: crew,
      seed: `${random.seed}/${crew}`,
      directory,
      kind,
      hands,
      listens,
      databases: databases.map((database) => ({ name: database, config: config(database) })),
    });
  };
  const shared = { ...near, shared: true, application_name: `ledger ${name}shared` };
  const inThread = () => enlist('thread', 'manager', shared);
  const inProcess = () => enlist('process', 'manager', far);

  return {
    all: () => [
      enlist('here', 'pools', near),
      enlist('here', 'pools', { ...far, ...tls, autoPrepare: true, sharing: 'all' }),
      enlist('here', 'pools', far, { listens: true }),
      enlist('here', 'manager', far),
      enlist('here', 'manager', { ...far, ...tls }, { listens: true }),
      enlist('here', 'pools', shared),
      inThread(),
      inThread(),
      inProcess(),
    ],
    /** @param {import('./crews.js').Posted[]} posted */
    replaceKilled(posted) {
      posted.forEach(({ place, isKilled }, i) => {
        if (isKilled) posted[i] = place === 'thread' ? inThread() : inProcess();
      });
    },
  };
}

module.exports = { runChapter };
