// Builds the addon and puts it where native.js looks for it.
//
//   node scripts/build.mjs [--target <triple>] [--profile <cargo profile>]
//
// It uses nothing that npm has to install first, so that a checkout dropped into an app can be built by itself.

import { parseArgs } from 'node:util';
import { buildAddon } from './addon.mjs';
import { Failure, report } from './failure.mjs';
import { hostTarget, targets } from './targets.mjs';

const { values } = parseArgs({ options: { target: { type: 'string' }, profile: { type: 'string' } } });

try {
  buildAddon({ target: chosenTarget(values.target), profile: values.profile, force: true });
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  report(error);
}

function chosenTarget(triple) {
  if (triple === undefined) return hostTarget();
  const found = targets().find((target) => target.triple === triple);
  if (!found) {
    const known = targets().map((target) => target.triple);
    throw new Failure(`there is no target ${triple}; there are ${known.join(', ')}`);
  }
  return found;
}
