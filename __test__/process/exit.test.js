'use strict';

const { test, before } = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { forBoth } = require('../support/both.js');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');

const program = (name) => path.join(__dirname, 'programs', `${name}.js`);

/** A second is what is promised; the rest is for a machine that is busy with other things. */
const QUIET_MILLIS = 3000;

forBoth(({ label, ours }) => {
  let server;
  before(async () => {
    server = await postgres();
  });

  const runProgram = (name, options = {}) =>
    run(program(name), {
      timeoutMillis: 25_000,
      ...options,
      env: { PROGRAM_TARGET: JSON.stringify(server.config(options.target)), PROGRAM_CONTENDER: label },
    });

  function assertPlain(outcome, lines) {
    assert.deepEqual(
      {
        code: outcome.code,
        signal: outcome.signal,
        stderr: outcome.stderr,
        lines: outcome.stdout.split('\n'),
      },
      { code: 0, signal: null, stderr: '', lines: [...lines, ''] },
    );
  }

  test('an open client keeps the process alive', async () => {
    assertPlain(await runProgram('client-left-open'), ['connected', 'still alive']);
  });

  test("an open client that is unref'd doesn't", async () => {
    assertPlain(await runProgram('client-left-open', { args: ['unref'] }), ['connected']);
  });

  test('process.exit in mid-query ends the process with its code', async () => {
    const outcome = await runProgram('exit-in-mid-query');
    assert.deepEqual([outcome.code, outcome.signal, outcome.stderr], [7, null, '']);
  });

  test('an error thrown in the callback of a result reaches uncaughtException, and the client stays usable', async () => {
    const outcome = await runProgram('failures-in-callbacks', { args: ['SELECT 1'] });
    assertPlain(outcome, ['caught: thrown for 1', '2']);
  });

  if (ours) {
    test('an error thrown by a listener for release reaches uncaughtException, and hides no result', async () => {
      const target = { database: await server.createDatabase() };
      const outcome = await runProgram('listener-that-throws', { target });
      assertPlain(outcome, ['caught: thrown for release', 'CREATE listened_to']);
    });
  }

  test('rows are the same where code generation from strings is switched off', async () => {
    const target = { database: await server.createDatabase() };
    const plain = await runProgram('varied-rows', { target });
    const strict = await runProgram('varied-rows', {
      target,
      execArgv: ['--disallow-code-generation-from-strings'],
    });
    assert.equal(strict.stderr, '');
    assert.equal(strict.code, 0);
    assert.ok(plain.stdout.length > 10_000);
    assert.equal(strict.stdout, plain.stdout);
  });

  if (!ours) return;

  // pg loses the ReadyForQuery behind the error and waits for ever.
  test('an error thrown in the callback of a failed query does so as well', async () => {
    const outcome = await runProgram('failures-in-callbacks', { args: ['SELECT 1/0'] });
    assertPlain(outcome, ['caught: thrown for 22012', '2']);
  });

  test('a manager that is never closed lets the process end after its last line', async () => {
    const outcome = await runProgram('manager-left-open');
    assertPlain(outcome, ['the last line']);
    assert.ok(outcome.quietMillis < QUIET_MILLIS, `${outcome.quietMillis} ms after the last line`);
  });

  test('a program whose steps all failed ends as well', async () => {
    const outcome = await runProgram('manager-that-failed');
    assertPlain(outcome, ['no code', 'ECONNREFUSED', '28P01', '22012']);
    assert.ok(outcome.quietMillis < QUIET_MILLIS, `${outcome.quietMillis} ms after the last line`);
  });

  test('work in flight keeps the process alive until it is done', async () => {
    const outcome = await runProgram('work-in-flight');
    assert.deepEqual([outcome.code, outcome.stderr], [0, '']);
    const lines = outcome.stdout.trim().split('\n').sort();
    assert.deepEqual(lines, ['connecting', 'in flight', 'in the queue', 'query of a pool']);
    assert.ok(outcome.quietMillis < QUIET_MILLIS, `${outcome.quietMillis} ms after the last line`);
  });
});
