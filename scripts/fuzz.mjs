// Feeds the fuzz targets with bytes that reach ever more of the code, for a while each, on the stable toolchain.
//
//   node scripts/fuzz.mjs [--seconds N] [target …]
//
// What it finds stays in fuzz/artifacts, and what it has learnt in fuzz/corpus.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCargo } from './cargo.mjs';
import { Failure, report } from './failure.mjs';
import { hostTarget, root } from './targets.mjs';

const FOLDER = path.join(root, 'fuzz');
const TARGETS = readdirSync(path.join(FOLDER, 'fuzz_targets')).map((file) => path.basename(file, '.rs'));
// What libFuzzer reads of the code under test: https://llvm.org/docs/LibFuzzer.html and SanitizerCoverage.
const INSTRUCTIONS = [
  '--cfg=fuzzing',
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
  '-Ccodegen-units=1',
  '-Cdebug-assertions',
];
/** The longest input, in bytes: a message of the server's, or a script. */
const LONGEST = 4096;

function build() {
  const { triple } = hostTarget();
  // With --target the instructions are for the targets alone, and not for build scripts.
  runCargo(['build', '--release', '--locked', '--manifest-path', 'fuzz/Cargo.toml', '--target', triple], {
    env: { CARGO_ENCODED_RUSTFLAGS: INSTRUCTIONS.join('\x1f') },
    output: 'show',
    hint: 'the fuzzer needs a C++ compiler',
  });
  return path.join(FOLDER, 'target', triple, 'release');
}

/** @param {string} directory of the programs @param {string} target @param {number} seconds */
function fuzz(directory, target, seconds) {
  console.log(`fuzz: ${target}, ${seconds} s`);
  const corpus = path.join(FOLDER, 'corpus', target);
  const artifacts = path.join(FOLDER, 'artifacts', target);
  for (const folder of [corpus, artifacts]) mkdirSync(folder, { recursive: true });
  const options = [
    `-max_total_time=${seconds}`,
    `-max_len=${LONGEST}`,
    `-artifact_prefix=${artifacts}${path.sep}`,
    '-timeout=10',
    '-verbosity=0',
    '-print_final_stats=1',
  ];
  const { status } = spawnSync(path.join(directory, target), [corpus, ...options], { stdio: 'inherit' });
  if (status !== 0) throw new Failure(`${target} has an input that it fails on, in fuzz/artifacts/${target}`);
}

try {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: 'string', default: '60' } },
    allowPositionals: true,
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Failure(`--seconds wants a number above 0, not ${values.seconds}`);
  const unknown = positionals.filter((name) => !TARGETS.includes(name));
  if (unknown.length > 0) {
    throw new Failure(`no such target: ${unknown.join(', ')}; there are ${TARGETS.join(', ')}`);
  }
  const directory = build();
  for (const target of positionals.length > 0 ? positionals : TARGETS) fuzz(directory, target, seconds);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  report(error);
}
