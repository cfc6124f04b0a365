// Results that are measured in parts: `--update` puts workloads into what an earlier run has left.

import fs from 'node:fs';
import path from 'node:path';
import { workloads } from './workloads/index.mjs';

/**
 * What an earlier run has left, for this one to go on with.
 *
 * @param {string} directory
 * @param {object} now this run, as run.mjs describes it
 * @returns {object}
 * @throws {RangeError} where there is nothing, or figures of the two would not belong together
 */
export function earlierRun(directory, now) {
  const file = path.join(directory, 'results.json');
  if (!fs.existsSync(file))
    throw new RangeError(
      `--update wants results.json of an earlier run in ${directory}, and there is none on this machine.`,
    );
  const earlier = JSON.parse(fs.readFileSync(file, 'utf8'));
  const parts = { machine: withoutLoad, server: whole, options: whole, contenders: versions };
  for (const [part, essence] of Object.entries(parts)) {
    const [here, there] = [now, earlier].map((run) => JSON.stringify(essence(run[part])));
    if (here !== there) {
      throw new RangeError(
        `--update wants the same ${part} as in ${file}: ${here} now, ${there} there. Measure everything anew, without --update.`,
      );
    }
  }
  return earlier;
}

/**
 * Puts a workload where it belongs, in the place of what was measured of it before.
 *
 * @param {object} result
 * @param {object} run
 */
export function enter(result, run) {
  const others = run.workloads.filter(({ name, mode }) => name !== result.name || mode !== result.mode);
  run.workloads = [...others, result].sort((one, other) => place(one) - place(other));
}

function place({ name, mode }) {
  return 2 * workloads.findIndex((one) => one.name === name) + Number(mode === 'free');
}

function withoutLoad({ loadBefore: _, ...machine }) {
  return machine;
}

function whole(part) {
  return part;
}

function versions(contenders) {
  return contenders.map(({ name, version }) => `${name} ${version}`);
}
