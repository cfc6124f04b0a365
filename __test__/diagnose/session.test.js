'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { startEmbedded } = require('../../scripts/support/embedded.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { ofOurManager } = require('../support/managers.js');
const { pgbouncer, startPgBouncer } = require('../support/pgbouncer.js');
const { tappedProxy } = require('../support/proxy.js');

const withoutPgBouncer = pgbouncer === undefined && 'PgBouncer is not installed';

ofOurManager('what a diagnosis says of a session', (bench) => {
  const { DatabaseManager } = bench;

  /** The diagnosis of one configuration, which tells no secret. */
  async function diagnose(config, options) {
    const manager = bench.keep(new DatabaseManager());
    manager._addLazily('it', config);
    const [diagnosis] = await manager.diagnose(options);
    const told = JSON.stringify(diagnosis);
    const password = config.dbPassword ?? config.password;
    if (typeof password === 'string') assert.ok(!told.includes(password), told);
    return diagnosis;
  }

  function assertWarning(diagnosis, cause, evidence) {
    const told = JSON.stringify(diagnosis, null, 1);
    assert.deepEqual([diagnosis.ok, diagnosis.cause], [true, cause], told);
    assert.equal(stateOf(diagnosis, 'session'), 'warning', told);
    if (evidence) assert.match(diagnosis.evidence.join('\n'), evidence);
  }

  function assertOk(diagnosis) {
    const told = JSON.stringify(diagnosis, null, 1);
    assert.deepEqual([diagnosis.ok, diagnosis.cause], [true, 'ok'], told);
    assert.equal(stateOf(diagnosis, 'session'), 'ok', told);
  }

  const stateOf = ({ checks }, name) => checks.find((check) => check.name === name).state;

  /** A role with a password, for the suite's database. */
  async function role(...statements) {
    const name = bench.unique('role');
    await bench.look(`CREATE ROLE ${name} LOGIN PASSWORD 'secret of ${name}'`);
    for (const statement of statements) await bench.look(statement.replaceAll('$ROLE', () => name));
    return bench.config({ dbUser: name, dbPassword: `secret of ${name}` });
  }

  test('a session with nothing to be said of it is ok, for one password', async () => {
    const diagnosis = await diagnose(bench.config());
    assertOk(diagnosis);
    assert.equal(diagnosis.authAttempts, 1);
    assert.deepEqual(diagnosis.evidence, []);
  });

  test('nothing on the server is changed', async () => {
    const config = await role();
    await diagnose({ ...config, statement_timeout: 4321, options: '-c geqo=off' });
    const [{ settings }] = await bench.look(
      `SELECT count(*)::int AS settings FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = setrole
       WHERE rolname = '${config.dbUser}'`,
    );
    assert.equal(settings, 0);
  });

  describe('read-only', () => {
    for (const [whose, statement, evidence] of [
      ['role', 'ALTER ROLE $ROLE SET default_transaction_read_only = on', /role/],
      [
        'role in this database',
        'ALTER ROLE $ROLE IN DATABASE DATABASE SET default_transaction_read_only = on',
        /role in this database/,
      ],
    ]) {
      test(`a setting of the ${whose} is named`, async () => {
        const config = await role(
          statement.replace('IN DATABASE DATABASE', `IN DATABASE ${bench.database}`),
          'GRANT ALL ON SCHEMA public TO $ROLE',
        );
        const diagnosis = await diagnose(config);
        assertWarning(diagnosis, 'read-only', evidence);
      });
    }

    test('is a failure where target_session_attrs wants to write, and nothing where it wants only to read', async () => {
      const config = await role('ALTER ROLE $ROLE SET default_transaction_read_only = on');
      const failed = await diagnose({ ...config, target_session_attrs: 'read-write' });
      assert.deepEqual([failed.ok, failed.cause, stateOf(failed, 'session')], [false, 'read-only', 'failed']);
      const wanted = await diagnose({ ...config, target_session_attrs: 'read-only' });
      assert.notEqual(wanted.cause, 'read-only');
    });

    test('is graver than a missing right, which is told as well', async () => {
      const config = await role(
        'ALTER ROLE $ROLE SET default_transaction_read_only = on',
        'ALTER ROLE $ROLE SET search_path = nowhere, public',
      );
      const diagnosis = await diagnose(config);
      assertWarning(diagnosis, 'read-only', /nowhere/);
    });
  });

  describe('rights and schemas', () => {
    test('a role that may not create anything in public is told so, with the schema', async () => {
      const config = await role('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
      assertWarning(await diagnose(config), 'no-create-right', /in public/);
    });

    test('a role with a schema of its own misses nothing', async () => {
      assertOk(await diagnose(await role('CREATE SCHEMA $ROLE AUTHORIZATION $ROLE')));
    });

    test('a schema of search_path that is not there is named', async () => {
      const config = bench.config({ options: '-c search_path="$user",nowhere,pg_temp,public' });
      const diagnosis = await diagnose(config);
      assertWarning(diagnosis, 'search-path', /nowhere/);
      assert.doesNotMatch(diagnosis.evidence.join(), /\$user|pg_temp/);
    });

    test('a schema with an unusual name is found all the same', async () => {
      const name = bench.unique('Öffentlich, "alles"');
      await bench.look(`CREATE SCHEMA "${name.replaceAll('"', '""')}"`);
      const config = await role(
        `ALTER ROLE $ROLE SET search_path = "${name.replaceAll('"', '""')}", public`,
        `GRANT ALL ON SCHEMA "${name.replaceAll('"', '""')}" TO $ROLE`,
      );
      assertOk(await diagnose(config));
    });
  });

  describe('standbys', () => {
    let standby;
    before(async () => {
      const version = Number(process.env.PGFLEET_TEST_VERSION ?? 17);
      standby = await startEmbedded({ version, tls: false, settings: { wal_level: 'replica' } });
      fs.writeFileSync(path.join(standby.socketDirectory, 'data', 'standby.signal'), '');
      await standby.restart('fast');
    });
    after(() => standby.stop());

    const config = (more) => ({ ...standby.config(), ssl: false, ...more });

    for (const [what, more] of [
      ['where nothing is said of it', {}],
      ['where a primary is wanted', { target_session_attrs: 'primary' }],
      ['where it is to be written to', { target_session_attrs: 'read-write' }],
    ]) {
      test(`a standby is not ok ${what}`, async () => {
        const diagnosis = await diagnose(config(more));
        assert.deepEqual(
          [diagnosis.ok, diagnosis.cause, stateOf(diagnosis, 'session')],
          [false, 'standby', 'failed'],
        );
        assert.equal(stateOf(diagnosis, 'authentication'), 'ok');
        assert.equal(diagnosis.authAttempts, 1);
      });
    }

    for (const target_session_attrs of ['any', 'read-only', 'standby', 'prefer-standby']) {
      test(`it is where target_session_attrs is ${target_session_attrs}`, async () => {
        assertOk(await diagnose(config({ target_session_attrs })));
      });
    }

    test('a primary is not ok where a standby is wanted', async () => {
      const diagnosis = await diagnose(bench.config({ target_session_attrs: 'standby' }));
      assert.deepEqual([diagnosis.ok, stateOf(diagnosis, 'session')], [false, 'failed']);
    });

    test('a standby before a primary counts only where the primary is what is wanted', async () => {
      const both = {
        host: `${standby.host},${bench.server.host}`,
        port: `${standby.port},${bench.server.port}`,
        user: bench.server.user,
        password: bench.server.password,
        database: bench.database,
        ssl: false,
      };
      // The two have passwords of their own, so only the first one's is right.
      const wanted = await diagnose({ ...both, ...standby.config(), host: both.host, port: both.port });
      assert.equal(wanted.cause, 'standby');
    });
  });

  describe('servers that are too old', () => {
    /** A server of this version that is asked by `answer`. */
    const oldServer = (version, answer) =>
      fakeServer(async (connection) => {
        const parameters = await connection.startup();
        if (!parameters) return;
        connection.send(messages.authenticationCleartext());
        if (!(await connection.readUntil('p'))) return;
        connection.send(
          messages.authenticationOk(),
          messages.parameterStatus('server_version', version),
          messages.parameterStatus('client_encoding', 'UTF8'),
          messages.backendKeyData(1234, 5678),
          messages.readyForQuery(),
        );
        await answer(connection);
      });

    const config = (server) => ({ ...server.config({ password: 'hunter2hunter2' }), ssl: false });

    for (const [how, answer] of [
      ['answers nothing', (connection) => connection.gone()],
      [
        'closes the connection',
        async (connection) => {
          await connection.read();
          connection.drop();
        },
      ],
      [
        'refuses everything',
        async (connection) => {
          for (let message; (message = await connection.read());) {
            if ('QS'.includes(message.type))
              connection.send(messages.errorResponse(), messages.readyForQuery());
          }
        },
      ],
      [
        'knows none of the functions',
        async (connection) => {
          for (let message; (message = await connection.read());) {
            if ('QS'.includes(message.type)) {
              connection.send(messages.errorResponse({ C: '42883' }), messages.readyForQuery());
            }
          }
        },
      ],
    ]) {
      test(`a server that calls itself 9.6 and ${how} is too old`, async () => {
        const server = await oldServer('9.6', answer);
        const diagnosis = await diagnose(config(server));
        assertWarning(diagnosis, 'server-too-old', /PostgreSQL 9\.6/);
        assert.equal(diagnosis.authAttempts, 1);
        await server.close();
      });
    }

    test('a server whose questions it does not know is ok, and what it did not say is told', async () => {
      const server = await oldServer('17.1', async (connection) => {
        for (let message; (message = await connection.read());) {
          if ('QS'.includes(message.type)) {
            connection.send(messages.errorResponse({ C: '42883' }), messages.readyForQuery());
          }
        }
      });
      const diagnosis = await diagnose(config(server));
      assert.deepEqual([diagnosis.ok, diagnosis.cause], [true, 'ok']);
      assert.match(diagnosis.evidence.join('\n'), /42883/);
      await server.close();
    });

    test('a server of today that answers no query is not ok', async () => {
      const server = await oldServer('17.1', (connection) => connection.gone());
      const diagnosis = await diagnose(config(server));
      assert.deepEqual([diagnosis.ok, stateOf(diagnosis, 'session')], [false, 'failed']);
      await server.close();
    });

    test('a server that refuses its first query is not ok, and the reason is taken from its answer', async () => {
      const server = await oldServer('17.1', async (connection) => {
        await connection.read();
        connection.finish(messages.errorResponse({ S: 'FATAL', V: 'FATAL', C: '57P01', M: 'terminating' }));
      });
      const diagnosis = await diagnose(config(server));
      assert.deepEqual([diagnosis.ok, stateOf(diagnosis, 'session')], [false, 'failed']);
      await server.close();
    });
  });

  describe('poolers', { skip: withoutPgBouncer }, () => {
    const poolers = {};
    before(async () => {
      poolers.transaction = await startPgBouncer(bench.server, 'transaction', {
        settings: { ignore_startup_parameters: 'extra_float_digits, statement_timeout, options' },
      });
      poolers.session = await startPgBouncer(bench.server, 'session', {
        settings: { ignore_startup_parameters: 'extra_float_digits, statement_timeout' },
      });
    });
    after(() => Object.values(poolers).forEach((pooler) => pooler.stop()));

    const through = (pooler, more) => bench.config({ dbHost: pooler.host, dbPort: pooler.port, ...more });

    test('transaction mode is recognised, for two passwords at most', async () => {
      const diagnosis = await diagnose(through(poolers.transaction));
      assertWarning(diagnosis, 'transaction-mode');
      assert.equal(diagnosis.authAttempts, 2);
    });

    test('it is no news to a program that says so', async () => {
      const diagnosis = await diagnose(through(poolers.transaction, { poolMode: 'transaction' }));
      assertOk(diagnosis);
      assert.equal(diagnosis.authAttempts, 1);
    });

    test('it is one to a program that counts on session mode', async () => {
      assertWarning(
        await diagnose(through(poolers.transaction, { poolMode: 'session' })),
        'transaction-mode',
      );
    });

    test('where one password is all that may be sent, it is said that the mode can not be told', async () => {
      const diagnosis = await diagnose(through(poolers.transaction, { dbName: 'postgres' }), {
        maxAuthAttempts: 1,
      });
      assert.equal(diagnosis.ok, true);
      assert.equal(diagnosis.authAttempts, 1);
      assert.match(diagnosis.evidence.join('\n'), /another login/);
    });

    test('session mode is ok', async () => {
      assertOk(await diagnose(through(poolers.session)));
    });

    test('a parameter that the pooler drops is named', async () => {
      const diagnosis = await diagnose(through(poolers.session, { statement_timeout: 5000 }));
      assertWarning(diagnosis, 'parameter-dropped', /statement_timeout was asked for as 5000 .* is 0/);
    });

    test('so is one in options, beside the mode, which is graver', async () => {
      const diagnosis = await diagnose(
        through(poolers.transaction, { options: '-c geqo=off -c work_mem=8192' }),
      );
      assertWarning(diagnosis, 'transaction-mode', /geqo[^]*work_mem/);
    });

    test('a parameter that the server has is none of them, however it writes the value', async () => {
      const options = '-c work_mem=8192 -c geqo=off -c search_path=public,pg_catalog -c app.secret=none';
      assertOk(
        await diagnose(
          bench.config({ statement_timeout: 5000, lock_timeout: 60000, options, application_name: 'näme' }),
        ),
      );
    });
  });

  test('the questions of a session leave in one write', async () => {
    const writes = [];
    const proxy = await tappedProxy(bench.server, {
      onClientBytes: (bytes) => {
        if (bytes.includes('pg_is_in_recovery')) writes.push(bytes);
      },
    });
    const diagnosis = await diagnose(bench.config({ dbPort: proxy.port, statement_timeout: 5000 }));
    assertOk(diagnosis);
    assert.equal(writes.length, 1);
    for (const part of ['pg_backend_pid', 'server_version_num', 'pg_namespace', 'set_config']) {
      assert.ok(writes[0].includes(part), part);
    }
    await proxy.close();
  });
});
