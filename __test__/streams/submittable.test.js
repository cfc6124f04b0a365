'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { afterEach, before, beforeEach, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

/** A submittable that writes down what it is told. Its `submit` is the test's. */
class Diary {
  /**
   * @param {(connection: any) => any} submit
   * @param {Record<string, Function>} [reactions] what else it does, by the name of the handler
   */
  constructor(submit, reactions = {}) {
    this.entries = [];
    this.submit = submit;
    this.reactions = reactions;
    this.over = new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  note(handler, entry, ...args) {
    this.entries.push(entry);
    const reaction = this.reactions[handler];
    if (reaction) reaction(...args);
  }

  handleRowDescription(...args) {
    const names = args[0].fields.map(({ name }) => name);
    this.note('handleRowDescription', ['rowDescription', args.length, ...names], ...args);
  }

  handleDataRow(...args) {
    this.note('handleDataRow', ['dataRow', args.length, ...args[0].fields], ...args);
  }

  handlePortalSuspended(...args) {
    this.note('handlePortalSuspended', ['portalSuspended', args.length], ...args);
  }

  handleCommandComplete(...args) {
    this.note('handleCommandComplete', ['commandComplete', args.length, args[0].text], ...args);
  }

  handleEmptyQuery(...args) {
    this.note('handleEmptyQuery', ['emptyQuery', args.length], ...args);
  }

  handleCopyInResponse(...args) {
    this.note('handleCopyInResponse', ['copyInResponse', args.length], ...args);
  }

  handleCopyData(...args) {
    this.note('handleCopyData', ['copyData', args.length, String(args[0].chunk)], ...args);
  }

  handleReadyForQuery(...args) {
    this.note('handleReadyForQuery', ['readyForQuery', args.length], ...args);
    this.finish();
  }

  handleError(...args) {
    this.note('handleError', ['error', args.length, args[0].code || args[0].message], ...args);
    this.finish();
  }
}

describe('a submittable of the caller', () => {
  forBoth(({ pg }) => {
    let server;
    let client;

    before(async () => {
      server = await postgres();
    });

    beforeEach(async () => {
      client = new pg.Client(server.config());
      await client.connect();
    });

    afterEach(() => client.end());

    const run = async (submit, reactions) => {
      const diary = new Diary(submit, reactions);
      assert.equal(client.query(diary), diary);
      await diary.over;
      assert.deepEqual((await client.query('SELECT 42 AS n')).rows, [{ n: 42 }]);
      return diary.entries;
    };

    test('is told of each message, and what it is told with', async () => {
      assert.deepEqual(
        await run((connection) => connection.query("SELECT 1 AS a; SELECT 'x' AS b, NULL AS c")),
        [
          ['rowDescription', 1, 'a'],
          ['dataRow', 1, '1'],
          ['commandComplete', 2, 'SELECT 1'],
          ['rowDescription', 1, 'b', 'c'],
          ['dataRow', 1, 'x', null],
          ['commandComplete', 2, 'SELECT 1'],
          ['readyForQuery', 1],
        ],
      );
      assert.deepEqual(await run((connection) => connection.query('')), [
        ['emptyQuery', 1],
        ['readyForQuery', 1],
      ]);
    });

    test('fetches a portal of its own in pages', async () => {
      const entries = await run(
        (connection) => {
          connection.parse({ name: 'pages', text: 'SELECT generate_series(1, $1::int) AS n' });
          connection.bind({ portal: 'mine', statement: 'pages', values: ['3'] });
          connection.describe({ type: 'P', name: 'mine' });
          connection.execute({ portal: 'mine', rows: 2 });
          connection.flush();
        },
        {
          handlePortalSuspended(connection) {
            connection.execute({ portal: 'mine', rows: 0 });
            connection.close({ type: 'P', name: 'mine' });
            connection.sync();
          },
        },
      );
      assert.deepEqual(entries, [
        ['rowDescription', 1, 'n'],
        ['dataRow', 1, '1'],
        ['dataRow', 1, '2'],
        ['portalSuspended', 1],
        ['dataRow', 1, '3'],
        ['commandComplete', 2, 'SELECT 1'],
        ['readyForQuery', 1],
      ]);
    });

    test('hears events of the connection, each behind its own handler', async () => {
      const order = [];
      const names = ['parseComplete', 'bindComplete', 'rowDescription', 'dataRow', 'commandComplete'];
      const handlers = {};
      for (const name of ['RowDescription', 'DataRow', 'CommandComplete', 'ReadyForQuery']) {
        handlers[`handle${name}`] = () => order.push(`handle${name}`);
      }
      await run((connection) => {
        for (const name of [...names, 'readyForQuery']) connection.once(name, () => order.push(name));
        connection.parse({ text: 'SELECT 1' });
        connection.bind({});
        connection.describe({ type: 'P' });
        connection.execute({});
        connection.sync();
      }, handlers);
      assert.deepEqual(order, [
        'parseComplete',
        'bindComplete',
        'handleRowDescription',
        'rowDescription',
        'handleDataRow',
        'dataRow',
        'handleCommandComplete',
        'commandComplete',
        'handleReadyForQuery',
        'readyForQuery',
      ]);
    });

    test('is told of an error once, and the client goes on', async () => {
      assert.deepEqual(await run((connection) => connection.query('SELECT 1 / 0; SELECT 1')), [
        ['error', 2, '22012'],
      ]);
    });

    test('sends and gets COPY data', async () => {
      await client.query('CREATE TEMP TABLE things (id int)');
      const sent = await run((connection) => connection.query('COPY things FROM STDIN'), {
        handleCopyInResponse(connection) {
          connection.sendCopyFromChunk(Buffer.from('1\n2'));
          connection.sendCopyFromChunk(Buffer.from('3\n'));
          connection.endCopyFrom();
        },
      });
      assert.deepEqual(sent, [
        ['copyInResponse', 1],
        ['commandComplete', 2, 'COPY 2'],
        ['readyForQuery', 1],
      ]);
      const got = await run((connection) => connection.query('COPY things TO STDOUT'));
      assert.deepEqual(got, [
        ['copyData', 2, '1\n'],
        ['copyData', 2, '23\n'],
        ['commandComplete', 2, 'COPY 2'],
        ['readyForQuery', 1],
      ]);
    });

    test('can have the server throw its COPY data away', async () => {
      await client.query('CREATE TEMP TABLE things (id int)');
      const entries = await run((connection) => connection.query('COPY things FROM STDIN'), {
        handleCopyInResponse: (connection) => connection.sendCopyFail('changed my mind'),
      });
      assert.deepEqual(entries, [
        ['copyInResponse', 1],
        ['error', 2, '57014'],
      ]);
    });

    test('is refused with the error that its submit returns', async () => {
      assert.deepEqual(await run(() => new Error('not today')), [['error', 2, 'not today']]);
    });

    test('has a query of its own sent from within its last handler', async () => {
      const rows = [];
      const diary = new Diary((connection) => connection.query('SELECT 1'), {
        handleReadyForQuery: () => rows.push(client.query('SELECT 2 AS n')),
      });
      client.query(diary);
      const heard = once(client.connection, 'readyForQuery');
      await diary.over;
      await heard;
      assert.deepEqual((await rows[0]).rows, [{ n: 2 }]);
    });

    test('takes turns with queries', async () => {
      const order = [];
      const first = client.query('SELECT 1').then(() => order.push('query'));
      const diary = new Diary((connection) => connection.query('SELECT 2'));
      client.query(diary);
      const second = diary.over.then(() => order.push('submittable'));
      const last = client.query('SELECT 3').then(() => order.push('query'));
      await Promise.all([first, second, last]);
      assert.deepEqual(order, ['query', 'submittable', 'query']);
    });
  });
});
