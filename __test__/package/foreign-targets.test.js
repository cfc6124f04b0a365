'use strict';

// The check of the other platforms, with a Rust toolchain that consists of scripts.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, beforeEach, describe, test } = require('node:test');
const { run, ROOT } = require('../support/program.js');
const { remove, temporaryFolder } = require('./checkout.js');
const manifest = require('../../package.json');

const CARGO = '#!/bin/sh\necho "cargo $*" >> "$FOLDER/calls"\nenv > "$FOLDER/environment"\nexit "$STATUS"\n';
const RUSTC = '#!/bin/sh\necho "$FOLDER"\n';

describe('check.mjs platforms', { skip: process.platform === 'win32' }, () => {
  let folder;
  let foreign;

  before(async () => {
    const { hostTarget } = await import('../../scripts/targets.mjs');
    foreign = manifest.napi.targets.filter((triple) => triple !== hostTarget().triple);
    folder = temporaryFolder();
    for (const [name, text] of Object.entries({ cargo: CARGO, rustc: RUSTC })) {
      fs.writeFileSync(path.join(folder, name), text, { mode: 0o755 });
    }
  });
  after(() => remove(folder));
  beforeEach(() => {
    for (const name of ['lib', 'calls']) remove(path.join(folder, name));
  });

  function install(...triples) {
    for (const triple of triples)
      fs.mkdirSync(path.join(folder, 'lib/rustlib', triple, 'lib'), { recursive: true });
  }

  function check(status = 0) {
    return run(path.join(ROOT, 'scripts/check.mjs'), {
      args: ['platforms'],
      env: {
        PATH: `${folder}${path.delimiter}${process.env.PATH}`,
        FOLDER: folder,
        STATUS: String(status),
      },
    });
  }

  test('names each platform that it could not check, says what that takes, and does not fail', async () => {
    const { code, stdout } = await check();
    assert.equal(code, 0);
    for (const triple of foreign) {
      const line = `${triple}: not checked, Rust's standard library for it isn't installed ("rustup target add ${triple}" does that)`;
      assert.ok(stdout.includes(`\n${line}\n`), line);
    }
  });

  test('checks those whose standard library is here, with warnings denied', async () => {
    install('x86_64-pc-windows-msvc', 'aarch64-apple-darwin');
    const { code, stdout } = await check();
    assert.equal(code, 0);
    const calls = fs.readFileSync(path.join(folder, 'calls'), 'utf8').trim().split('\n');
    const call = (triple) =>
      `cargo clippy --package pgfleet --lib --release --locked --target ${triple} -- --deny warnings`;
    assert.deepEqual(calls.sort(), [call('aarch64-apple-darwin'), call('x86_64-pc-windows-msvc')]);
    assert.doesNotMatch(stdout, /x86_64-pc-windows-msvc: not checked/);
  });

  test('builds no OpenSSL for a Linux that is not this one', async () => {
    const [triple] = foreign.filter((one) => one.includes('musl'));
    install(triple);
    assert.equal((await check()).code, 0);
    const environment = fs.readFileSync(path.join(folder, 'environment'), 'utf8');
    const [, headers] = new RegExp(
      `^${triple.toUpperCase().replaceAll('-', '_')}_OPENSSL_INCLUDE_DIR=(.*)$`,
      'm',
    ).exec(environment);
    const version = fs.readFileSync(path.join(headers, 'openssl/opensslv.h'), 'utf8');
    assert.match(version, /^#define OPENSSL_VERSION_MAJOR 3$/m);
  });

  test('fails when it does not compile for one, and still tries the others', async () => {
    install('x86_64-pc-windows-msvc', 'aarch64-apple-darwin');
    const { code, stderr } = await check(1);
    assert.equal(code, 1);
    assert.match(stderr, /doesn't compile for aarch64-apple-darwin, x86_64-pc-windows-msvc\n/);
  });
});
