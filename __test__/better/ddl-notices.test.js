'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Client } = require('pg');
const { failure } = require('../support/failure');
const { ofOurManager } = require('../support/managers');

const raise = (text) => `DO $$ BEGIN RAISE NOTICE '${text}' USING HINT = 'of ${text}'; END $$;`;

ofOurManager('onNotice of executeDDL', (bench) => {
  const ways = {
    'by the pool': {},
    'by a client that the program sees': { onConnect: () => undefined },
    'by a client of another make': { Client },
  };
  for (const [way, config] of Object.entries(ways)) {
    test(`hears the notices of a script that is run ${way}, in order and before the end`, async () => {
      const manager = await bench.manager({ max: 1, ...config });
      const heard = [];
      const onNotice = (notice) => heard.push([notice.name, notice.message, notice.hint]);
      await manager.executeDDL(raise('one') + raise('two'), { onNotice });
      const expected = ['one', 'two'].map((text) => ['notice', text, `of ${text}`]);
      assert.deepEqual(heard, expected);
      await manager.executeDDL(raise('no listener'));
      assert.deepEqual(heard, expected);
    });
  }

  test('hears very many notices, none left out, while the program is busy', async () => {
    const manager = await bench.manager({ max: 1 });
    const heard = [];
    const onNotice = ({ message }) => {
      // Longer than the answers take to come in, every thousandth time.
      if (heard.length % 1000 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      heard.push(message);
    };
    const text =
      "DO $$ BEGIN FOR i IN 1..20000 LOOP RAISE NOTICE '% %', i, repeat('x', 100); END LOOP; END $$";
    await manager.executeDDL(text, { onNotice });
    assert.equal(heard.length, 20_000);
    assert.ok(heard.every((message, i) => message.startsWith(`${i + 1} `)));
  });

  test('hears what came before a script failed', async () => {
    const manager = await bench.manager({ max: 1 });
    const heard = [];
    const onNotice = ({ message }) => heard.push(message);
    const error = await failure(manager.executeDDL(`${raise('first')} SELECT 1/0;`, { onNotice }));
    assert.deepEqual([error.code, error.outcome, heard], ['22012', 'not applied', ['first']]);
  });

  test('is refused when it is no function', async () => {
    const manager = await bench.manager({ max: 1 });
    const error = await failure(manager.executeDDL('SELECT 1', { onNotice: 'print' }));
    assert.ok(error instanceof TypeError);
    assert.equal(error.message, '"onNotice" must be a function, got "print"');
    assert.equal(error.outcome, 'not applied');
  });
});
