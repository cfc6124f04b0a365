// Everything that can be found wrong without running the program.
//
//   node scripts/check.mjs [step …]
//
// A step that fails doesn't keep the others from running, so that one run shows all there is to mend.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { runCargo } from './cargo.mjs';
import { Failure, report } from './failure.mjs';
import { checkForeignTargets } from './foreign-targets.mjs';
import { root } from './targets.mjs';

const WORKFLOWS = '.github/workflows';

const STEPS = {
  'generated files': () => runNode('scripts/generate.mjs', '--check'),
  notices: () => runNode('scripts/notices.mjs', '--check'),
  layers: () => runNode('scripts/layers.mjs'),
  circles: () => runNode('scripts/circles.mjs'),
  'told by text': () => runNode('scripts/told-by-text.mjs'),
  prettier: () => runNode(packaged('prettier/bin/prettier.cjs'), '--check', '--log-level=warn', '.'),
  workflows: () => {
    for (const name of readdirSync(path.join(root, WORKFLOWS))) {
      runNode(packaged('@action-validator/cli/cli.mjs'), path.join(WORKFLOWS, name));
    }
  },
  types: () => runNode(packaged('typescript/bin/tsc'), '--project', '.'),
  'any types': () => runNode('scripts/any-types.mjs'),
  rustfmt: () => runCargo(['fmt', '--all', '--check'], { output: 'show', hint: 'npm run format mends it' }),
  // The addon's own profile, so that OpenSSL, which the build has compiled for it, isn't compiled once more.
  // The addon's crate has no test target; the test kit compiles the same sources with their tests.
  clippy: () => {
    const lint = (...args) =>
      runCargo(['clippy', ...args, '--release', '--locked', '--', '--deny', 'warnings'], { output: 'show' });
    lint('--package', 'pgfleet', '--lib');
    lint('--package', 'pgfleet', '--lib', '--features', 'platform-tls');
    lint('--package', 'pgfleet-testkit', '--all-targets');
  },
  // What clippy is on this machine's own platform.
  platforms: checkForeignTargets,
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in STEPS));
if (unknown.length > 0) {
  report(new Failure(`no such check: ${unknown.join(', ')}; there are ${Object.keys(STEPS).join(', ')}`));
} else {
  const failed = Object.keys(STEPS)
    .filter((name) => chosen.length === 0 || chosen.includes(name))
    .filter((name) => !passes(name));
  if (failed.length > 0) report(new Failure(`check failed: ${failed.join(', ')}`));
}

function passes(name) {
  console.log(`check: ${name}`);
  try {
    STEPS[name]();
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    return false;
  }
}

function packaged(file) {
  return path.join(root, 'node_modules', file);
}

function runNode(script, ...args) {
  const { status, error } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Failure(`${path.basename(script)} found something`);
}
