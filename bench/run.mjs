// `npm run bench`: see README.md beside this file.
//
// For every workload the contenders take turns, each sample in a fresh process: A B C, then B C A, then
// C A B, so that no contender always has the same neighbour or the same moment.

import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { runSample } from './child.mjs';
import { before, contenders } from './contenders/index.mjs';
import { installPeers, lineUp, reasonOf, refusal } from './lineup.mjs';
import { describeMachine, firstCpu, hasTaskset, ownCpus } from './machine.mjs';
import { Network } from './network.mjs';
import { HELP, readOptions } from './options.mjs';
import { grouped, writeReport } from './report.mjs';
import { Server } from './server.mjs';
import { disagreements, summarise } from './summary.mjs';
import { earlierRun, enter } from './update.mjs';
import { workloads } from './workloads/index.mjs';

const say = (line = '') => console.log(line);

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return say(HELP);
  if (options.list) return list();

  const began = performance.now();
  installPeers(say);
  const machine = describeMachine();
  const server = await Server.start(
    options,
    Math.max(0, ...options.workloads.map((one) => one.databases ?? 0)),
  );
  const network = new Network(server.target);
  try {
    const { entrants, absent } = await lineUp(options.contenders, server.target);
    for (const { name, reason } of absent) say(`${name} is left out: ${reason}`);
    if (entrants.length === 0) throw new Error('No contender can take part.');
    const canPin = server.canBePinned && hasTaskset();
    if (!canPin) say("Client and server can't be put on one CPU here: everything runs in free mode.");

    const now = {
      began: new Date().toISOString(),
      machine,
      server: { version: server.version, tls: server.hasTls, settings: server.settings },
      options: { rounds: options.rounds, seconds: options.seconds, warmUpSeconds: options.warmUpSeconds },
      contenders: entrants.map(({ contender, version }) => ({
        name: contender.name,
        title: contender.title,
        version,
      })),
      absent,
      roundTrips: {},
      workloads: [],
    };
    const output =
      options.output ??
      fileURLToPath(
        new URL(options.full || options.update ? './results/' : './results/local/', import.meta.url),
      );
    fs.mkdirSync(output, { recursive: true });
    const run = options.update ? earlierRun(output, now) : now;
    const steps = plan(options, canPin);
    const board = new Board(
      entrants.map(({ contender }) => contender.name),
      steps.length,
    );
    for (const step of steps) {
      const result = await measureWorkload(step, { options, entrants, server, network, run });
      board.show(result);
      enter({ runBegan: now.began, ...result }, run);
      // After every workload, so that a run which is broken off leaves what it has measured.
      fs.writeFileSync(path.join(output, 'results.json'), `${JSON.stringify(run, null, 1)}\n`);
    }
    run.minutes = Number(((run.minutes ?? 0) + (performance.now() - began) / 60_000).toFixed(1));
    fs.writeFileSync(path.join(output, 'results.json'), `${JSON.stringify(run, null, 1)}\n`);
    for (const file of writeReport(run, output)) say(path.relative(process.cwd(), file));
    const faults = run.workloads.flatMap(({ faults: own }) => own);
    if (faults.length > 0) {
      say(`${faults.length} samples are missing or wrong: see "faults" in results.json.`);
      process.exitCode = 1;
    }
  } finally {
    await network.close();
    await server.stop();
  }
}

function list() {
  say('workloads (* = headline):');
  for (const { name, title, headline } of workloads)
    say(`  ${headline ? '*' : ' '} ${name.padEnd(34)} ${title}`);
  say('contenders:');
  for (const { name, title } of contenders) say(`    ${name.padEnd(34)} ${title}`);
}

function plan({ workloads: chosen, modes }, canPin) {
  return chosen.flatMap((workload) => {
    const wanted = modes ?? workload.modes;
    const possible = wanted
      .map((mode) => (canPin ? mode : 'free'))
      .filter((mode) => mode === 'free' || !workload.freeOnly);
    return [...new Set(possible)].map((mode) => ({ workload, mode }));
  });
}

async function measureWorkload({ workload, mode }, { options, entrants, server, network, run }) {
  const { name, title, unit, roundTripMillis } = workload;
  const chart = mode === workload.modes[0] ? workload.chart : undefined;
  const result = { name, title, unit, mode, chart, roundTripMillis, left: [], faults: [], samples: [] };
  const cpus = ownCpus();
  const cpu = mode === 'pinned' ? firstCpu(cpus) : undefined;
  if (server.canBePinned && hasTaskset()) server.pin(cpu ?? cpus);
  await server.run(workload.setUp ?? []);
  const target = await network.target(roundTripMillis);
  if (roundTripMillis) run.roundTrips[roundTripMillis] = network.measured(roundTripMillis);

  let field = [];
  for (const entrant of entrants) {
    const reason = refusal(entrant, workload, server);
    if (reason) result.left.push({ contender: entrant.contender.name, reason });
    else field.push(entrant);
  }
  const rounds = Math.min(options.rounds, workload.rounds ?? Infinity);
  for (let round = 0; round < rounds; round += 1) {
    const turn = round % Math.max(1, field.length);
    for (const entrant of [...field.slice(turn), ...field.slice(0, turn)]) {
      const contender = entrant.contender.name;
      const job = {
        ...(entrant.program
          ? { work: workload.program, tls: workload.tls }
          : {
              contender,
              workload: name,
              check: round === 0,
              databases: server.databases,
              serverHasTls: server.hasTls,
            }),
        target,
        seconds: options.seconds,
        warmUpSeconds: options.warmUpSeconds,
      };
      try {
        const { version: _, ...sample } = await runSample(entrant, job, { cpu });
        result.samples.push({ contender, round, ...sample });
      } catch (error) {
        result.faults.push({ contender, round, reason: reasonOf(error) });
        field = field.filter((one) => one !== entrant);
      }
    }
  }
  for (const contender of disagreements(result.samples)) {
    result.faults.push({ contender, reason: "its result isn't the one that the others read" });
  }
  result.lines = summarise(
    result.samples,
    [...contenders, before].map((one) => one.name),
  );
  return result;
}

/** Shows each workload as a line of a table: pg's rate, and the others' ratios to it. */
class Board {
  #names;
  #total;
  #shown = 0;

  constructor(names, total) {
    this.#names = names;
    this.#total = total;
    say(this.#row('', 'workload', 'mode', names));
  }

  show({ name, mode, lines, faults }) {
    this.#shown += 1;
    const cells = this.#names.map((contender) => {
      const line = lines.find((one) => one.contender === contender);
      if (!line) return '';
      return line.ratio === undefined || contender === 'pg'
        ? `${grouped(line.rate.median)}/s`
        : line.ratio.toFixed(2);
    });
    say(this.#row(`${this.#shown}/${this.#total}`, name, mode, cells));
    for (const { contender, reason } of faults) say(`        ${contender} failed: ${reason}`);
  }

  #row(place, name, mode, cells) {
    const columns = cells.map((cell, i) => cell.padStart(Math.max(12, this.#names[i].length)));
    return `${place.padStart(6)}  ${name.padEnd(34)} ${mode.padEnd(6)} ${columns.join(' ')}`;
  }
}

main().catch((error) => {
  console.error(
    error.code?.startsWith?.('ERR_PARSE_ARGS') || error instanceof RangeError ? error.message : error,
  );
  process.exitCode = 1;
});
