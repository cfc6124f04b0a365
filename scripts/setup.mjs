// Makes a checkout ready: its npm packages and its addon, each only when stale, and side by side. Every command of
// package.json begins with it, so it uses nothing that npm has to install first.
//
//   node scripts/setup.mjs [packages]    `packages` leaves the addon out

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { buildAddon } from './addon.mjs';
import { installDependencies, staleDependency } from './dependencies.mjs';
import { Failure, report } from './failure.mjs';

const thisFile = fileURLToPath(import.meta.url);

if (process.argv[2] === 'packages') {
  attempt(installDependencies);
} else {
  const installation = staleDependency() && start('packages');
  attempt(buildAddon);
  if (installation && (await installation) !== 0) process.exitCode = 1;
}

/** Another process, because building holds this one up. It says by itself what goes wrong. */
async function start(task) {
  const [code] = await once(spawn(process.execPath, [thisFile, task], { stdio: 'inherit' }), 'exit');
  return code;
}

function attempt(task) {
  try {
    task();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    report(error);
  }
}
