'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { ofOurManager } = require('../support/managers.js');
const { blocker } = require('../support/locks.js');

const text = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'ddl.md'), 'utf8');

/** The code below each heading. */
const examples = [...text.matchAll(/\n## (.+)\n([^]*?)(?=\n## |$)/g)].flatMap(([, heading, section]) =>
  [...section.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => ({ heading, code })),
);

ofOurManager('the examples of docs/ddl.md', (bench) => {
  /** Runs one, and returns what it has printed. */
  async function run(manager, code) {
    const printed = [];
    const console = { log: (...values) => printed.push(values.join(' ').trim()) };
    const Program = Object.getPrototypeOf(async () => undefined).constructor;
    await new Program('manager', 'console', code)(manager, console);
    return printed;
  }

  async function stage() {
    const database = await bench.server.createDatabase();
    const manager = await bench.manager({ database });
    await manager.executeDDL('CREATE TABLE orders (id int, email text)');
    return { manager, database };
  }

  test('run one after the other, and there is one for each option', async () => {
    const { manager } = await stage();
    for (const { heading, code } of examples)
      await run(manager, code).catch((error) => assert.fail(`${heading}: ${error}`));
    const tables = await manager.currentPool.query(
      "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    );
    assert.deepEqual(
      tables.rows.map(({ name }) => name),
      ['carts', 'colours', 'orders', 'parcels', 'tags'],
    );
    const headings = examples.map(({ heading }) => heading.split(':')[0]).join(' ');
    for (const option of [
      'lockTimeout',
      'lockBudget',
      'retries',
      'onProgress',
      'onNotice',
      'statementTimeout',
      'transaction',
      'database',
      'signal',
      'commit',
    ]) {
      assert.ok(headings.includes(option), option);
    }
  });

  test('name what stands in the way', async () => {
    const { manager, database } = await stage();
    const { pid, end } = await blocker({ ...bench, database }, 'BEGIN; SELECT * FROM orders', 'report');
    const [{ code }] = examples.filter((example) => example.code.includes('error.blockers'));
    const [first, second] = await run(manager, code);
    await end();
    assert.equal(first, `${pid} (report, idle in transaction) has ACCESS SHARE on public.orders`);
    assert.match(second, /^\d+ tries, \d+ ms$/);
  });
});
