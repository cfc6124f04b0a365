'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Canary } = require('../support/canary.js');
const { ofOurManager } = require('../support/managers.js');
const { toPoolConfig } = require('../../lib/manager/database-config.js');

/** What a pool is told of the connection. */
function connection(connectionString, beside = {}) {
  const { host, port, user, password, database, options, ssl, poolMode } = toPoolConfig({
    connectionString,
    ...beside,
  });
  const said = { host, port, user, password, database, options, ssl, poolMode };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined && value !== ''));
}

const UNVERIFIED = { rejectUnauthorized: false };
const POOLER = 'aws-0-eu-central-1.pooler.supabase.com';
const SESSION = {
  host: POOLER,
  port: '5432',
  user: 'postgres.abcdefghijklmnopqrst',
  database: 'postgres',
  ssl: UNVERIFIED,
};
const DIRECT = {
  host: 'db.abcdefghijklmnopqrst.supabase.co',
  port: '5432',
  user: 'postgres',
  database: 'postgres',
  ssl: UNVERIFIED,
};

/** As they are copied from the dashboard, but for the password. */
const FORMS = {
  'URI, session pooler': [`postgresql://${SESSION.user}:PW@${POOLER}:5432/postgres`, SESSION],
  'URI, transaction pooler': [
    `postgresql://${SESSION.user}:PW@${POOLER}:6543/postgres`,
    { ...SESSION, port: '6543' },
  ],
  'URI, direct': [`postgresql://postgres:PW@${DIRECT.host}:5432/postgres`, DIRECT],
  "URI with Prisma's parameters": [
    `postgresql://${SESSION.user}:PW@${POOLER}:6543/postgres?pgbouncer=true&connection_limit=1`,
    { ...SESSION, port: '6543', poolMode: 'transaction' },
  ],
  'URI with options': [
    `postgresql://postgres:PW@${POOLER}:5432/postgres?options=reference%3Dabcdefghijklmnopqrst`,
    { ...SESSION, user: 'postgres', options: 'reference=abcdefghijklmnopqrst' },
  ],
  'URI without TLS': [
    `postgresql://postgres:PW@${DIRECT.host}:5432/postgres?sslmode=disable`,
    { ...DIRECT, ssl: false },
  ],
  'URI without a database': [`postgresql://${SESSION.user}:PW@${POOLER}:5432`, SESSION],
  '.env': [`DATABASE_URL="postgresql://${SESSION.user}:PW@${POOLER}:5432/postgres"`, SESSION],
  '.env without quotes': [`DATABASE_URL=postgresql://postgres:PW@${DIRECT.host}:5432/postgres`, DIRECT],
  '.env of Prisma': [
    `
# Connect to Supabase via connection pooling.
DATABASE_URL="postgresql://${SESSION.user}:PW@${POOLER}:6543/postgres?pgbouncer=true"

# Direct connection to the database. Used for migrations
DIRECT_URL="postgresql://${SESSION.user}:PW@${POOLER}:5432/postgres"
`,
    { ...SESSION, port: '6543', poolMode: 'transaction' },
  ],
  'psql with a URI': [`psql "postgresql://${SESSION.user}:PW@${POOLER}:5432/postgres"`, SESSION],
  'psql with options and a variable': [
    `PGPASSWORD='PW' psql -h ${POOLER} -p 5432 -d postgres -U ${SESSION.user}`,
    SESSION,
  ],
  'psql with long options': [
    `$ PGPASSWORD=PW psql --host=${POOLER} --port 5432 --username=${SESSION.user} --no-psqlrc postgres`,
    SESSION,
  ],
  'psql with keywords': [
    `psql 'host=${POOLER} port=5432 user=${SESSION.user} password=PW dbname=postgres'`,
    SESSION,
  ],
  JDBC: [`jdbc:postgresql://${POOLER}:5432/postgres?user=${SESSION.user}&password=PW`, SESSION],
  'JDBC with a mode of TLS': [
    `jdbc:postgresql://${DIRECT.host}:5432/postgres?user=postgres&password=PW&sslmode=verify-full`,
    { ...DIRECT, ssl: true },
  ],
  '.NET': [`User Id=${SESSION.user};Password=PW;Server=${POOLER};Port=5432;Database=postgres`, SESSION],
  '.NET, the other names': [
    `Host=${DIRECT.host};Port=5432;Database=postgres;Username=postgres;Password=PW;SSL Mode=Require;Trust Server Certificate=true`,
    DIRECT,
  ],
  'appsettings.json': [
    `{
  "ConnectionStrings": {
    "DefaultConnection": "User Id=${SESSION.user};Password=PW;Server=${POOLER};Port=5432;Database=postgres"
  }
}`,
    SESSION,
  ],
  'lines of Python, PHP and Go': [
    `user=${SESSION.user} \npassword=PW \nhost=${POOLER}\nport=5432\ndbname=postgres`,
    SESSION,
  ],
  'lines with CR LF and quotes': [
    `user="${SESSION.user}"\r\npassword="PW"\r\nhost="${POOLER}"\r\nport="5432"\r\ndbname="postgres"\r\n`,
    SESSION,
  ],
  "lines of libpq's own variables": [
    `PGHOST=${POOLER}\nPGPORT=5432\nPGDATABASE=postgres\nPGUSER=${SESSION.user}\nPGPASSWORD=PW\n`,
    SESSION,
  ],
  'keywords of libpq': [`host=${POOLER} port=5432 dbname=postgres user=${SESSION.user} password=PW`, SESSION],
  'keywords of libpq in several lines': [
    `host=${POOLER} port=5432\ndbname=postgres user=${SESSION.user} password=PW`,
    SESSION,
  ],
  'SQLAlchemy with psycopg2': [`postgresql+psycopg2://${SESSION.user}:PW@${POOLER}:5432/postgres`, SESSION],
  'SQLAlchemy with asyncpg': [`postgresql+asyncpg://postgres:PW@${DIRECT.host}:5432/postgres`, DIRECT],
};

/** Passwords that generators give and people type. */
const PASSWORDS = [
  'plain',
  'p@ss',
  'p@ss/w#rd',
  'a:b:c',
  'ends@',
  '#starts',
  '100%sure?',
  'with blank',
  '?x=1&y=2',
  '/[]{}|\\^~`',
  '12345#x',
  'tür€',
  '%',
];

describe('a connection string in a form of the dashboard', () => {
  for (const [form, [text, expected]] of Object.entries(FORMS)) {
    test(`${form} leads to its server`, () => {
      assert.deepEqual(connection(text), { ...expected, password: 'PW' });
    });

    for (const placeholder of ['[YOUR-PASSWORD]', '[YOUR_PASSWORD]', '[PASSWORD]', '[your-password]']) {
      const unfilled = text.replaceAll('PW', placeholder);
      test(`${form} takes the password that is given beside it, in the place of ${placeholder}`, () => {
        for (const name of ['password', 'dbPassword']) {
          assert.deepEqual(connection(unfilled, { [name]: 'p@ss' }), { ...expected, password: 'p@ss' });
        }
      });

      test(`${form} with ${placeholder} and no password says where it belongs`, () => {
        assert.throws(() => connection(unfilled), {
          name: 'TypeError',
          message:
            'The password is still a placeholder: put it in the place of the brackets, or give it by itself, as "password"',
        });
      });
    }
  }

  for (const password of PASSWORDS) {
    const encoded = encodeURIComponent(password);
    test(`the password ${password} is understood in a URL of Supabase, encoded or not`, () => {
      for (const end of ['', '?pgbouncer=true', '?sslmode=disable']) {
        for (const host of [POOLER, DIRECT.host]) {
          for (const written of [password, encoded]) {
            const found = connection(`postgresql://${SESSION.user}:${written}@${host}:5432/postgres${end}`);
            assert.deepEqual(
              [found.user, found.password, found.host, found.port, found.database],
              [SESSION.user, password, host, '5432', 'postgres'],
            );
          }
        }
      }
    });

    test(`the password ${password} is understood in JDBC, encoded or not`, () => {
      for (const written of [password, encoded]) {
        // Where another parameter seems to begin, one does.
        if (/&\w+=/.test(written)) continue;
        const text = `jdbc:postgresql://${POOLER}:5432/postgres?user=${SESSION.user}&password=${written}`;
        assert.deepEqual(connection(text), { ...SESSION, password });
      }
    });
  }

  test('a password with a semicolon or quotes is understood in pairs', () => {
    const net = (written) => connection(`Host=${POOLER};Username=u;Password=${written};Port=5432`).password;
    assert.equal(net(`"a;b""c"`), 'a;b"c');
    assert.equal(net(`'a;Port=1;'`), 'a;Port=1;');
    assert.equal(net('a;b'), 'a;b');
    const libpq = (written) => connection(`host=${POOLER} user=u password=${written} port=5432`).password;
    assert.equal(libpq(`'it\\'s \\\\ a b'`), "it's \\ a b");
    assert.equal(libpq('two words'), 'two words');
  });

  for (const host of ['db.example.com', '127.0.0.1', 'localhost', '[::1]']) {
    test(`a password that isn't encoded is understood for ${host} where a URL would be torn apart`, () => {
      for (const password of ['a/b', 'p@ss/w', '12#ss', 'p?a=b', 'x@y#z']) {
        const found = connection(`postgres://app:${password}@${host}:5433/shop?application_name=a`);
        assert.deepEqual([found.password, found.port, found.database], [password, '5433', 'shop']);
        assert.equal(found.host, host.replace(/[[\]]/g, ''));
      }
    });
  }

  test('what a URL means by its own rules stays so', () => {
    const parts = (url) => {
      const { host, port, user, password, database } = connection(url);
      return [host, port, user, password, database];
    };
    assert.deepEqual(parts('postgres://u:p%40x@h:1/d?application_name=a@b'), ['h', '1', 'u', 'p@x', 'd']);
    assert.deepEqual(parts('postgres://h/d?user=me@corp&password=x@y'), [
      'h',
      undefined,
      'me@corp',
      'x@y',
      'd',
    ]);
    assert.deepEqual(parts('postgres://u:p@h1:1,h2:2/d'), ['h1,h2', '1,2', 'u', 'p', 'd']);
    assert.deepEqual(parts('/run/postgresql shop'), [
      '/run/postgresql',
      undefined,
      undefined,
      undefined,
      'shop',
    ]);
    assert.deepEqual(parts('socket:/run/postgresql?db=shop&user=u').slice(0, 1), ['/run/postgresql']);
    assert.equal(connection('psql -h h -p 1 -U u shop').database, 'shop');
  });

  test('the URL of a project stands for the project', () => {
    for (const url of [
      'https://abcdefghijklmnopqrst.supabase.co',
      'https://abcdefghijklmnopqrst.supabase.co/rest/v1/',
      'https://supabase.com/dashboard/project/abcdefghijklmnopqrst/settings/general',
    ]) {
      for (const config of [{ connectionString: url }, { url }]) {
        assert.equal(toPoolConfig(config).supabaseProject.ref, 'abcdefghijklmnopqrst');
      }
    }
  });

  test('another placeholder is named', () => {
    const [start, end] = ['postgresql://postgres.abc:pw@aws-1-', '.pooler.supabase.com/postgres'];
    assert.throws(() => connection(`${start}[REGION]${end}`), {
      name: 'TypeError',
      message: '"connectionString" still has the placeholder [REGION]: put your own host there',
    });
    assert.throws(() => connection(`postgresql://postgres.[PROJECT-REF]:pw@${POOLER}:5432/postgres`), {
      name: 'TypeError',
      message: '"connectionString" still has the placeholder [PROJECT-REF]: put your own user there',
    });
  });

  test('what it says wins over the other keys, and what it leaves open is taken from them', () => {
    const beside = { dbHost: 'other', dbPort: 1, dbUser: 'other', dbPassword: 'beside', dbName: 'other' };
    assert.deepEqual(connection('postgres://u:p@h:2/d', beside), {
      host: 'h',
      port: '2',
      user: 'u',
      password: 'p',
      database: 'd',
      ssl: UNVERIFIED,
    });
    const { host, port, user, password, database } = connection('postgres://h', beside);
    assert.deepEqual([host, port, user, password, database], ['h', 1, 'other', 'beside', 'other']);
  });

  test('a server that it leaves open is not the one of Supabase', () => {
    const { host, port, database } = toPoolConfig({ connectionString: 'postgres://' });
    assert.deepEqual([host, port, database], ['', '', '']);
  });

  test('the certificates beside it are used with its mode of TLS', () => {
    const ssl = { rejectUnauthorized: false, ca: 'pem' };
    const url = 'postgres://u:p@h/d?sslmode=';
    assert.deepEqual(connection(`${url}verify-full`, { ssl }).ssl, { ca: 'pem' });
    assert.deepEqual(connection(`${url}no-verify`, { ssl }).ssl, { ca: 'pem', rejectUnauthorized: false });
    assert.equal(connection(`${url}disable`, { ssl }).ssl, false);
    assert.deepEqual(connection('postgres://u:p@h/d', { ssl }).ssl, ssl);
  });

  test('what is no connection string is refused, and nothing of it is repeated', () => {
    const canary = new Canary(7).text;
    for (const text of [
      `nonsense=${canary}`,
      `https://api.example.com/?key=${canary}`,
      `jdbc:mysql://h/?password=${canary}`,
      `postgres://u:${canary}%@h:x/db`,
      `postgres://u:${canary}/#x@`,
      `{"ConnectionStrings": "${canary}"`,
      `host=h user=u foo=bar password=${canary}`,
      `host=h sslmode=${canary}`,
      `service=${canary}`,
      `psql "nonsense=${canary}"`,
      `app:${canary}@db.example.com:5432/shop`,
      `db.example.com:5432/${canary}`,
      `postgresql:/app:${canary}@db.example.com/shop`,
      canary,
      `mysql://u:${canary}@h/d`,
      `${canary}://h`,
      '   ',
    ]) {
      assert.throws(
        () => connection(text),
        (error) => {
          assert.ok(error instanceof TypeError, error.stack);
          assert.equal(new Canary(7).foundIn(`${error.stack}${JSON.stringify(error)}`), undefined, text);
          return true;
        },
      );
    }
  });
});

describe('a text of any kind, as long as one may be,', () => {
  const PARTS = [
    ' ',
    ';',
    'a ;',
    '@/',
    '@h.',
    '@h.supabase.co/#',
    'A="" ',
    "A='x ",
    '"a',
    "'",
    '\\',
    '&a=',
    '%',
    '[',
    '\n=',
    'a=b\n',
    'host=',
  ];
  const STARTS = [
    '',
    'a=',
    'Host=h;Password=',
    'host=h user=u password=',
    'postgres://u:',
    'psql ',
    'jdbc:postgresql://h/d?',
    '{"',
  ];
  const LENGTH = 8192;

  for (const start of STARTS) {
    test(`is answered behind ${JSON.stringify(start)}, whatever comes of it`, () => {
      for (const part of PARTS) {
        for (const end of ['', 'x', '=', '@h/d']) {
          const text = (start + part.repeat(LENGTH)).slice(0, LENGTH - end.length) + end;
          let answer;
          try {
            answer = connection(text);
          } catch (error) {
            answer = error;
          }
          assert.ok(answer instanceof TypeError || !(answer instanceof Error), answer.stack);
        }
      }
    });
  }

  test('and no longer, is read', () => {
    const url = 'postgres://u:p@h/d?application_name=';
    assert.equal(connection(url.padEnd(LENGTH, 'x')).host, 'h');
    assert.throws(() => connection(url.padEnd(LENGTH + 1, 'x')), {
      name: 'TypeError',
      message: '"connectionString" must not be longer than 8192 characters',
    });
  });
});

ofOurManager('a manager with a connection string', (bench) => {
  const parts = () => {
    const { host, port, user, password } = bench.server;
    return { host, port, user, password, database: bench.database };
  };

  async function connects(config) {
    const manager = bench.keep(new bench.DatabaseManager());
    await manager.addConnection('main', { ssl: false, ...config });
    const { rows } = await manager.executeDDL('SELECT current_database() AS name');
    assert.deepEqual(rows, [{ name: bench.database }]);
  }

  test('connects by each form', async () => {
    const { host, port, user, password, database } = parts();
    for (const url of [
      `postgresql+psycopg2://${user}:${password}@${host}:${port}/${database}`,
      `jdbc:postgresql://${host}:${port}/${database}?user=${user}&password=${password}`,
      `Server=${host};Port=${port};User Id=${user};Password=${password};Database=${database}`,
      `host=${host} port=${port} user=${user} password='${password}' dbname=${database}`,
      `user=${user}\npassword=${password}\nhost=${host}\nport=${port}\ndbname=${database}`,
      `PGPASSWORD=${password} psql -h ${host} -p ${port} -d ${database} -U ${user}`,
    ]) {
      await connects({ url });
      await connects({ connectionString: url });
    }
  });

  test('takes a password beside a connection string that has none, as text and by a function', async () => {
    const { host, port, user, password, database } = parts();
    for (const login of [user, `${user}:[YOUR-PASSWORD]`]) {
      const url = `postgresql://${login}@${host}:${port}/${database}`;
      await connects({ url, password });
      await connects({ url, dbPassword: async () => password });
    }
  });
});
