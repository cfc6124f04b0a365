'use strict';

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const { before, after, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('Query objects', () => {
  forBoth(({ pg }) => {
    let client;
    before(async () => {
      client = new pg.Client((await postgres()).config());
      await client.connect();
    });
    after(() => client.end());

    const listen = (query) => {
      const events = [];
      query.on('row', (row, result) => events.push(['row', row, result.fields.map(({ name }) => name)]));
      query.on('error', (error) => events.push(['error', error.code ?? error.message]));
      query.on('end', (result) => events.push(['end', result]));
      return events;
    };

    test('are what client.query returns, and emitters', async () => {
      const query = new pg.Query('SELECT 1 AS n');
      assert.ok(query instanceof EventEmitter);
      assert.equal(client.query(query), query);
      const [result] = await once(query, 'end');
      assert.deepEqual(result.rows, [{ n: 1 }]);
    });

    test('show what they were made of', () => {
      const callback = () => {};
      const types = { getTypeParser: () => String };
      const query = new pg.Query({
        text: 'SELECT $1',
        values: [1],
        name: 'n',
        rowMode: 'array',
        types,
        rows: 3,
        binary: true,
        portal: 'p',
        queryMode: 'extended',
        callback,
      });
      const { text, values, name, rows, binary, portal, queryMode } = query;
      assert.deepEqual(
        { text, values, name, rows, binary, portal, queryMode },
        {
          text: 'SELECT $1',
          values: [1],
          name: 'n',
          rows: 3,
          binary: true,
          portal: 'p',
          queryMode: 'extended',
        },
      );
      assert.equal(query.types, types);
      assert.equal(query.callback, callback);
      assert.equal(new pg.Query('SELECT 1', callback).callback, callback);
      assert.deepEqual(new pg.Query('SELECT $1', [2], callback).values, [2]);
    });

    test('emit each row with the result so far, and the end', async () => {
      const query = new pg.Query("SELECT n, 'x' AS word FROM generate_series(1, 3) n");
      const events = listen(query);
      client.query(query);
      await once(query, 'end');
      assert.deepEqual(events.slice(0, 3), [
        ['row', { n: 1, word: 'x' }, ['n', 'word']],
        ['row', { n: 2, word: 'x' }, ['n', 'word']],
        ['row', { n: 3, word: 'x' }, ['n', 'word']],
      ]);
      const [name, result] = events[3];
      assert.equal(name, 'end');
      assert.equal(result.command, 'SELECT');
      assert.equal(result.rowCount, 3);
      assert.equal(events.length, 4);
    });

    test('keep no rows when there is a listener for them', async () => {
      const query = new pg.Query('SELECT n FROM generate_series(1, 3) n');
      query.on('row', () => {});
      client.query(query);
      const [result] = await once(query, 'end');
      assert.deepEqual(result.rows, []);
      assert.equal(result.rowCount, 3);
    });

    test('keep rows when there are a listener for them and a callback', async () => {
      const rows = [];
      const result = await new Promise((resolve, reject) => {
        const query = new pg.Query('SELECT n FROM generate_series(1, 3) n', (error, answer) =>
          error ? reject(error) : resolve(answer),
        );
        query.on('row', (row) => rows.push(row));
        client.query(query);
      });
      assert.deepEqual(result.rows, [{ n: 1 }, { n: 2 }, { n: 3 }]);
      assert.deepEqual(rows, result.rows);
    });

    test('take a listener that adds the rows to the result', async () => {
      const query = new pg.Query('SELECT n FROM generate_series(1, 3) n');
      query.on('row', (row, result) => result.addRow(row));
      client.query(query);
      const [result] = await once(query, 'end');
      assert.deepEqual(result.rows, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    });

    test('emit rows as arrays', async () => {
      const query = new pg.Query({ text: 'SELECT 1 AS a, 2 AS a', rowMode: 'array' });
      const events = listen(query);
      client.query(query);
      await once(query, 'end');
      assert.deepEqual(events[0].slice(0, 2), ['row', [1, 2]]);
    });

    test('with values and a name', async () => {
      const query = new pg.Query({ name: 'emitted', text: 'SELECT $1::int4 AS n', values: [5] });
      client.query(query);
      const [result] = await once(query, 'end');
      assert.deepEqual(result.rows, [{ n: 5 }]);
    });

    test('of several statements emit the rows of all and one end', async () => {
      const query = new pg.Query('SELECT 1 AS a; SELECT 2 AS b');
      const events = listen(query);
      client.query(query);
      await once(query, 'end');
      assert.deepEqual(
        events.map(([name]) => name),
        ['row', 'row', 'end'],
      );
      assert.deepEqual(events[1][2], ['b']);
      assert.equal(events[2][1].length, 2);
    });

    test('emit an error of the server, and no end', async () => {
      const query = new pg.Query('SELECT 1 / (3 - n) FROM generate_series(1, 5) n');
      const events = listen(query);
      client.query(query);
      await once(query, 'error');
      await client.query('SELECT 1');
      assert.deepEqual(
        events.map(([name, what]) => [name, typeof what === 'string' ? what : '']),
        [
          ['row', ''],
          ['row', ''],
          ['error', '22012'],
        ],
      );
    });

    test('with a callback give an error to it and emit none', async () => {
      const error = await new Promise((resolve) => {
        const query = new pg.Query('SELECT 1 / 0', resolve);
        query.on('error', () => assert.fail('emitted as well'));
        client.query(query);
      });
      assert.equal(error.code, '22012');
    });

    test('take a callback given to client.query', async () => {
      const query = new pg.Query('SELECT 1 AS n');
      const result = await new Promise((resolve, reject) => {
        const returned = client.query(query, (error, answer) => (error ? reject(error) : resolve(answer)));
        assert.equal(returned, query);
      });
      assert.deepEqual(result.rows, [{ n: 1 }]);
    });

    test('emit an end for a text without statements', async () => {
      const query = new pg.Query('');
      const events = listen(query);
      client.query(query);
      await once(query, 'end');
      assert.deepEqual(
        events.map(([name]) => name),
        ['end'],
      );
    });

    test('emit an error for a text that is missing', async () => {
      const query = new pg.Query({});
      client.query(query);
      const [error] = await once(query, 'error');
      assert.equal(
        error.message,
        'A query must have either text or a name. Supplying neither is unsupported.',
      );
    });

    test('can be subclassed', async () => {
      class Counting extends pg.Query {
        constructor(...values) {
          super(...values);
          this.count = 0;
          this.on('row', () => {
            this.count += 1;
          });
        }
      }
      const query = new Counting('SELECT n FROM generate_series(1, 4) n');
      assert.equal(client.query(query), query);
      await once(query, 'end');
      assert.equal(query.count, 4);
    });

    test('are known as Client.Query too', () => assert.equal(pg.Client.Query, pg.Query));
  });
});
