'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { before, after, afterEach, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { run } = require('../support/program');
const { postgres } = require('../support/server');

// Types that a driver has reason to decode by itself, and others: [oid, expression, the server's text].
const TYPES = [
  [16, 'true', 't'],
  [17, "'\\x00ff'::bytea", '\\x00ff'],
  [20, '12::int8', '12'],
  [21, '12::int2', '12'],
  [23, '12', '12'],
  [25, "'text é'", 'text é'],
  [26, '12::oid', '12'],
  [114, `'{"a": [1, "x"]}'::json`, '{"a": [1, "x"]}'],
  [600, "'(1,2)'::point", '(1,2)'],
  [700, '1.5::float4', '1.5'],
  [701, '1.5::float8', '1.5'],
  [1000, 'ARRAY[true]', '{t}'],
  [1005, 'ARRAY[1, 2]::int2[]', '{1,2}'],
  [1007, 'ARRAY[1, NULL]', '{1,NULL}'],
  [1009, "ARRAY['a', 'b c']", '{a,"b c"}'],
  [1015, "ARRAY['a', 'b']::varchar[]", '{a,b}'],
  [1016, 'ARRAY[1::int8]', '{1}'],
  [1021, 'ARRAY[1.5, 2]::float4[]', '{1.5,2}'],
  [1022, 'ARRAY[1.5, 2]::float8[]', '{1.5,2}'],
  [1028, 'ARRAY[1, 2]::oid[]', '{1,2}'],
  [1043, "'word'::varchar", 'word'],
  [1082, "'2024-02-03'::date", '2024-02-03'],
  [1083, "'10:20'::time", '10:20:00'],
  [1114, "'2024-02-03 04:05:06.789'::timestamp", '2024-02-03 04:05:06.789'],
  [1184, "'2024-02-03 04:05:06.789+00'::timestamptz", '2024-02-03 04:05:06.789+00'],
  [1231, 'ARRAY[1.50, 2]', '{1.50,2}'],
  [1186, "'1 day'::interval", '1 day'],
  [1700, '1.50', '1.50'],
  [2278, 'pg_sleep(0)', ''],
  [2951, "ARRAY['6ecd8c99-4036-403d-bf84-cf8400f67836']::uuid[]", '{6ecd8c99-4036-403d-bf84-cf8400f67836}'],
  [2950, "'6ecd8c99-4036-403d-bf84-cf8400f67836'::uuid", '6ecd8c99-4036-403d-bf84-cf8400f67836'],
  [3802, `'{"a": [1, "x"]}'::jsonb`, '{"a": [1, "x"]}'],
];

const tag = (text) => `parsed <${text}>`;

describe('type parsers of the caller', () => {
  forBoth(({ pg, ours }) => {
    let client;
    const saved = [];
    const setGlobally = (oid, ...rest) => {
      saved.push([oid, pg.types.getTypeParser(oid, 'text')]);
      pg.types.setTypeParser(oid, ...rest);
    };

    before(async () => {
      const server = await postgres();
      client = new pg.Client(server.config());
      await client.connect();
      await client.query("SET TIME ZONE 'UTC'");
    });
    after(() => client.end());
    afterEach(() => {
      for (const [oid, parser] of saved.splice(0).reverse()) pg.types.setTypeParser(oid, 'text', parser);
    });

    for (const [oid, expression, raw] of TYPES) {
      test(`a global parser gets the server's text of type ${oid}`, async () => {
        setGlobally(oid, tag);
        const { rows } = await client.query(`SELECT ${expression} AS value, NULL AS nothing, 'x' AS other`);
        assert.equal(rows[0].value, tag(raw));
        const again = await client.query({
          text: `SELECT ${expression} AS value, $1::int4`,
          values: [1],
          rowMode: 'array',
        });
        assert.equal(again.rows[0][0], tag(raw));
      });

      test(`a parser of a query gets the server's text of type ${oid}`, async () => {
        const types = { getTypeParser: (id) => (id === oid ? tag : pg.types.getTypeParser(id, 'text')) };
        const { rows } = await client.query({
          text: `SELECT ${expression} AS value, 1::int8 - 1 AS zero`,
          types,
        });
        assert.equal(rows[0].value, tag(raw));
        assert.equal(rows[0].zero, oid === 20 ? tag('0') : '0');
      });
    }

    test('a global parser counts from the next result on and goes when it is set back', async () => {
      const text = 'SELECT 5 AS n, true AS yes';
      assert.deepEqual((await client.query(text)).rows, [{ n: 5, yes: true }]);
      setGlobally(23, 'text', tag);
      assert.deepEqual((await client.query(text)).rows, [{ n: tag('5'), yes: true }]);
      pg.types.setTypeParser(23, 'text', (value) => Number(value) * 2);
      assert.deepEqual((await client.query(text)).rows, [{ n: 10, yes: true }]);
      pg.types.setTypeParser(23, 'text', saved[0][1]);
      assert.deepEqual((await client.query(text)).rows, [{ n: 5, yes: true }]);
    });

    // Ours tells the core with the query which columns it may decode.
    test(`a global parser that is set while a query is on its way counts from ${ours ? 'the next' : 'this'} one on`, async () => {
      const answer = client.query('SELECT 5 AS n');
      setGlobally(23, tag);
      assert.deepEqual((await answer).rows, [{ n: ours ? 5 : tag('5') }]);
      assert.deepEqual((await client.query('SELECT 5 AS n')).rows, [{ n: tag('5') }]);
    });

    test('a global parser counts whatever function of pg-types sets it', async () => {
      const server = await postgres();
      const source = `
        const { setTypeParser } = require('pg-types');
        const pg = require('${ours ? './index.js' : 'pg'}');
        async function main() {
          for (const target of [new pg.Client(), new pg.Pool()]) {
            await target.connect().then((client) => client?.release?.());
            const ask = async () => (await target.query('SELECT 1 AS a, ARRAY[1, 2] AS b')).rows[0];
            setTypeParser(23, (text) => Number(text));
            setTypeParser(1007, (text) => [text]);
            const [{ a }, { b }] = [await ask(), await ask()];
            setTypeParser(23, (text) => 'parsed ' + text);
            console.log(a, b, (await ask()).a);
            await target.end();
          }
        }
        main();`;
      const { host, port, user, password, database } = server.config();
      const outcome = await run(
        { source },
        {
          env: {
            PGHOST: host,
            PGPORT: String(port),
            PGUSER: user,
            PGPASSWORD: password,
            PGDATABASE: database,
          },
        },
      );
      const line = "1 [ '{1,2}' ] parsed 1\n";
      assert.deepEqual([outcome.stderr, outcome.stdout], ['', line + line]);
    });

    test('a global parser for the binary format leaves text results alone', async () => {
      const saved = pg.types.getTypeParser(23, 'binary');
      pg.types.setTypeParser(23, 'binary', () => 'binary');
      try {
        assert.deepEqual((await client.query('SELECT 5 AS n')).rows, [{ n: 5 }]);
        const binary = await client.query({ text: 'SELECT $1::int4 AS n', values: [5], binary: true });
        assert.deepEqual(binary.rows, [{ n: 'binary' }]);
      } finally {
        pg.types.setTypeParser(23, 'binary', saved);
      }
    });

    test('a global parser is seen by clients that exist already and by new ones', async () => {
      setGlobally(23, tag);
      const other = new pg.Client((await postgres()).config());
      await other.connect();
      const answers = await Promise.all([client, other].map((one) => one.query('SELECT 5 AS n')));
      await other.end();
      assert.deepEqual(
        answers.map(({ rows }) => rows[0].n),
        [tag('5'), tag('5')],
      );
    });

    test('null is never given to a parser', async () => {
      setGlobally(23, () => assert.fail('called for null'));
      assert.deepEqual((await client.query('SELECT NULL::int4 AS n')).rows, [{ n: null }]);
    });

    test('a parser is called with the text alone, row by row and from left to right', async () => {
      const calls = [];
      const types = {
        getTypeParser:
          () =>
          (...values) =>
            calls.push(values),
      };
      const { rows } = await client.query({
        text: "SELECT n, 'x' || n AS x, true AS t FROM generate_series(1, 2) n",
        types,
      });
      assert.deepEqual(calls, [['1'], ['x1'], ['t'], ['2'], ['x2'], ['t']]);
      assert.deepEqual(Object.values(rows[1]), [4, 5, 6]);
    });

    test('a parser may give anything, undefined too', async () => {
      const kept = { kept: true };
      const types = { getTypeParser: (oid) => () => (oid === 23 ? undefined : kept) };
      const { rows } = await client.query({ text: "SELECT 1 AS a, 'x' AS b", types });
      assert.deepEqual(rows, [{ a: undefined, b: kept }]);
      assert.equal(rows[0].b, kept);
    });

    test('the types object of a query is asked for each column, with the format', async () => {
      const asked = [];
      const types = {
        mark: 'mine',
        getTypeParser(oid, format) {
          asked.push([this.mark, oid, format]);
          return String;
        },
      };
      await client.query({
        text: "SELECT n, 'x' AS t, '{}'::jsonb AS j FROM generate_series(1, 100) n",
        types,
      });
      // ours asks before that for the types that it could decode by itself
      assert.deepEqual(asked.slice(-3), [
        ['mine', 23, 'text'],
        ['mine', 25, 'text'],
        ['mine', 3802, 'text'],
      ]);
    });

    test('a client has parsers of its own, which others do not see', async () => {
      const server = await postgres();
      const own = new pg.Client(server.config());
      await own.connect();
      own.setTypeParser(23, tag);
      own.setTypeParser(16, 'text', tag);
      assert.equal(own.getTypeParser(23), tag);
      assert.equal(own.getTypeParser(16, 'text'), tag);
      assert.equal(own.getTypeParser(25), pg.types.getTypeParser(25));
      const text = "SELECT 5 AS n, true AS yes, '{}'::json AS doc";
      assert.deepEqual((await own.query(text)).rows, [{ n: tag('5'), yes: tag('t'), doc: {} }]);
      assert.deepEqual((await client.query(text)).rows, [{ n: 5, yes: true, doc: {} }]);
      await own.end();
    });

    test('the types option of a client is used where it has no parser of its own', async () => {
      const server = await postgres();
      const types = { getTypeParser: (oid, format) => (value) => `${oid} ${format} ${value}` };
      const own = new pg.Client(server.config({ types }));
      await own.connect();
      own.setTypeParser(23, tag);
      assert.deepEqual((await own.query('SELECT 5 AS n, true AS yes')).rows, [
        { n: tag('5'), yes: '16 text t' },
      ]);
      await own.end();
    });

    test('a pool hands its types option to its clients', async () => {
      const server = await postgres();
      const pool = new pg.Pool(server.config({ types: { getTypeParser: () => tag } }));
      const { rows } = await pool.query('SELECT 5 AS n, $1::jsonb AS doc', [{}]);
      assert.deepEqual(rows, [{ n: tag('5'), doc: tag('{}') }]);
      await pool.end();
    });

    test('types of a query win over those of the client and of the process', async () => {
      setGlobally(23, () => 'process');
      const own = new pg.Client((await postgres()).config());
      await own.connect();
      own.setTypeParser(23, () => 'client');
      const types = new pg.TypeOverrides();
      types.setTypeParser(23, () => 'query');
      const answers = [
        await client.query('SELECT 5 AS n'),
        await own.query('SELECT 5 AS n'),
        await own.query({ text: 'SELECT 5 AS n', types }),
        await own.query({ text: 'SELECT $1::int4 AS n', values: [1], types }),
      ];
      await own.end();
      assert.deepEqual(
        answers.map(({ rows }) => rows[0].n),
        ['process', 'client', 'query', 'query'],
      );
    });

    test('a parser that throws fails its query with that very error and leaves the client usable', async () => {
      const boom = new Error('no such number');
      const types = {
        getTypeParser: () => (value) => {
          if (value === '3') throw boom;
          return value;
        },
      };
      const text = 'SELECT n FROM generate_series(1, 5000) n';
      for (const query of [
        { text },
        { text, queryMode: 'extended' },
        { text, rowMode: 'array' },
        { text, name: 'thrown' },
      ]) {
        await assert.rejects(client.query({ ...query, types }), (error) => error === boom);
        assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
      }
    });

    test('a parser that throws wins over an error of the server that comes later', async () => {
      const boom = new Error('parser first');
      const types = {
        getTypeParser: () => () => {
          throw boom;
        },
      };
      const answer = client.query({ text: 'SELECT 1; SELECT 1 / 0', types });
      await assert.rejects(answer, (error) => error === boom);
      assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    });

    test('a types object may refuse what its query does not have', async () => {
      const getTypeParser = (oid) => {
        if (oid !== 23) throw new Error(`no parser for ${oid}`);
        return tag;
      };
      const { rows } = await client.query({ text: 'SELECT 1 AS n', types: { getTypeParser } });
      assert.deepEqual(rows, [{ n: tag('1') }]);
    });

    // On pg that is an uncaught exception, and the query hangs.
    test('a types object that refuses a column fails the query', { skip: !ours }, async () => {
      const boom = new Error('no parser');
      const types = {
        getTypeParser: () => {
          throw boom;
        },
      };
      await assert.rejects(client.query({ text: 'SELECT 1', types }), (error) => error === boom);
      const query = client.query(new pg.Query({ text: 'SELECT 1', types }));
      const [error] = await once(query, 'error');
      assert.equal(error, boom);
      assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    });

    describe('defaults.parseInt8', () => {
      afterEach(() => {
        pg.defaults.parseInt8 = false;
      });

      test('makes numbers of int8 and of int8[] and can be taken back', async () => {
        const text = 'SELECT count(*) AS n, ARRAY[1::int8, NULL] AS list, 9007199254740993 AS large';
        const plain = [{ n: '1', list: ['1', null], large: '9007199254740993' }];
        assert.deepEqual((await client.query(text)).rows, plain);
        pg.defaults.parseInt8 = true;
        assert.deepEqual((await client.query(text)).rows, [
          { n: 1, list: [1, null], large: 9007199254740992 },
        ]);
        pg.defaults.parseInt8 = false;
        assert.deepEqual((await client.query(text)).rows, plain);
      });
    });
  });
});
