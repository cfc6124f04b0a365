'use strict';

// Libraries that require `pg` by themselves, in processes in which pgfleet stands for it.

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { run } = require('../support/program');
const { postgres } = require('../support/server');

const PRELUDE = "const url = process.env.DATABASE_URL; const ours = require('pgfleet/pg');";

describe('pgfleet/register', () => {
  let env;
  before(async () => {
    env = { DATABASE_URL: (await postgres()).url() };
  });

  /** Runs the body of an async function and gives what it returns. */
  async function outcome(body, option = '--require') {
    const source = `${PRELUDE}(async () => { console.log(JSON.stringify(await (async () => {${body}})())); })();`;
    const { stdout, stderr, code } = await run({ source }, { env, execArgv: [option, 'pgfleet/register'] });
    assert.equal(stderr, '');
    assert.equal(code, 0);
    return JSON.parse(stdout);
  }

  for (const option of ['--require', '--import']) {
    test(`${option}: knex runs on it`, async () => {
      const body = `
        const knex = require('knex')({ client: 'pg', connection: url });
        const raw = await knex.client.acquireConnection();
        const isOurs = raw instanceof ours.Client;
        await knex.client.releaseConnection(raw);
        const rows = await knex.select(knex.raw('1 + 1 AS two'));
        await knex.destroy();
        return { isOurs, rows };`;
      assert.deepEqual(await outcome(body, option), { isOurs: true, rows: [{ two: 2 }] });
    });

    test(`${option}: pg-cursor finds the files of pg that it reaches into`, async () => {
      const body = `
        const Cursor = require('pg-cursor');
        const { Client } = require('pg');
        const client = new Client(url);
        await client.connect();
        const cursor = client.query(new Cursor('SELECT n FROM generate_series(1, 5) n'));
        const pages = [await cursor.read(3), await cursor.read(3)];
        const isOurs = cursor._result instanceof ours.Result;
        await cursor.close();
        await client.end();
        return { isOurs, pages };`;
      assert.deepEqual(await outcome(body, option), {
        isOurs: true,
        pages: [
          [{ n: 1 }, { n: 2 }, { n: 3 }],
          [{ n: 4 }, { n: 5 }],
        ],
      });
    });

    test(`${option}: the files of pg that have a counterpart are ours, with and without .js`, async () => {
      const body = `
        const same = (name, theirs) =>
          require('pg/lib/' + name) === theirs && require('pg/lib/' + name + '.js') === theirs;
        return [
          same('client', ours.Client), same('query', ours.Query), same('result', ours.Result),
          same('connection', ours.Connection), same('defaults', ours.defaults), same('utils', ours.utils),
          same('type-overrides', ours.TypeOverrides), same('index', ours),
        ];`;
      const found = await outcome(body, option);
      assert.deepEqual(
        found,
        found.map(() => true),
      );
    });

    test(`${option}: what asks for the place, the name and the version of pg finds them`, async () => {
      const body = `
        const path = require('node:path');
        const { createRequire } = require('node:module');
        const file = require.resolve('pg');
        const manifest = require('pg/package.json');
        return {
          isOurs: require(file) === ours,
          folder: file.split(path.sep).slice(-4).join('/'),
          besideIt: require(path.join(file, '../../package.json')) === manifest,
          ofAnother: createRequire('/').resolve('pg') === file,
          name: manifest.name,
          version: manifest.version,
        };`;
      assert.deepEqual(await outcome(body, option), {
        isOurs: true,
        folder: 'node_modules/pg/lib/index.js',
        besideIt: true,
        ofAnother: true,
        name: 'pg',
        version: require('pg/package.json').version,
      });
    });

    test(`${option}: ES modules get it by default and by name`, async () => {
      const body = `
        const module = await import('pg');
        const parameters = await import('pg/lib/connection-parameters.js');
        return [
          module.default === ours, module.Pool === ours.Pool, module.types === ours.types,
          parameters.default === require('pgfleet/lib/connection-parameters'),
        ];`;
      assert.deepEqual(await outcome(body, option), [true, true, true, true]);
    });

    test(`${option}: other packages whose names begin with pg are left alone`, async () => {
      const body = `
        return [require.resolve('pg-types'), require.resolve('pg-pool'), require.resolve('pg-protocol')]
          .map((file) => /node_modules.pg-/.test(file));`;
      assert.deepEqual(await outcome(body, option), [true, true, true]);
    });
  }

  test('worker threads of the process get it too', async () => {
    const body = `
      const { Worker } = require('node:worker_threads');
      const source =
        "require('node:worker_threads').parentPort.postMessage(require('pg') === require('pgfleet/pg'))";
      const worker = new Worker(source, { eval: true });
      return new Promise((resolve, reject) => {
        worker.on('message', resolve);
        worker.on('error', reject);
      });`;
    assert.equal(await outcome(body), true);
  });

  test('can be required by the program itself, more than once', async () => {
    const source = `
      require('pgfleet/register');
      require('pgfleet/register.js'.replace('.js', ''));
      console.log(require('pg') === require('pgfleet/pg'));`;
    const { stdout, stderr } = await run({ source });
    assert.equal(stderr, '');
    assert.equal(stdout, 'true\n');
  });
});
