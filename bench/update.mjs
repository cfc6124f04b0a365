// Results that are measured in parts: `--update` puts workloads into what an earlier run has left.

import fs from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
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
    throw new RangeError(`--update wants results in ${directory}; there are none yet.`);
  const earlier = JSON.parse(fs.readFileSync(file, 'utf8'));
  const parts = { machine: withoutLoad, server: same, options: same, contenders: versions };
  for (const [part, essence] of Object.entries(parts)) {
    if (!isDeepStrictEqual(essence(earlier[part]), essence(now[part]))) {
      throw new RangeError(
        `--update wants the same ${part} as in ${file}: ${JSON.stringify(essence(now[part]))} now, ` +
          `${JSON.stringify(essence(earlier[part]))} there. Measure everything anew, without --update.`,
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
  const index = workloads.findIndex((one) => one.name === name);
  return index + Math.max(0, workloads[index]?.modes.indexOf(mode) ?? 0) / 10;
}

function withoutLoad({ loadBefore: _, ...machine }) {
  return machine;
}

function same(part) {
  // As it is read from the file.
  return JSON.parse(JSON.stringify(part));
}

function versions(contenders) {
  return contenders.map(({ name, version }) => `${name} ${version}`);
}
