'use strict';

// What is known of Supabase's answers stands in one file, and says the same wherever it is told.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { before, describe, test } = require('node:test');
const { ROOT } = require('../support/program.js');
const { ADMIN_SHUTDOWN, ERRORS, errorFields } = require('../support/supavisor/error-table.js');
const { native } = require('../../lib/native/binding.js');

const REF = 'abcdefghijklmnopqrst';

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

/** The rows of the generated table of a document, as lists of cells. */
function rowsOf(file) {
  const [, table] = /<!-- answers:start -->\n([^]*?)<!-- answers:end -->/.exec(read(file));
  const lines = table.trim().split('\n').slice(2);
  return lines.map((line) =>
    line
      .slice(2, -2)
      .split(/ (?<!\\)\| /)
      .map((cell) => cell.replaceAll('\\|', '|')),
  );
}

describe("Supabase's answers", () => {
  let answers;
  let mjs;
  before(async () => {
    mjs = await import('../../scripts/answers.mjs');
    answers = mjs.readAnswers();
  });

  test('each have a row in docs/supabase.md, which says what the hint says', () => {
    const rows = rowsOf('docs/supabase.md');
    assert.equal(rows.length, answers.length);
    assert.ok(rows.length > 40);
    for (const [index, { codes, reaction, means, remedy }] of answers.entries()) {
      const [seen, names, ...rest] = rows[index];
      assert.deepEqual(rest, [reaction, means, remedy]);
      const shown = names === 'the same' ? seen : names;
      for (const code of codes) assert.ok(shown.includes(`\`${code}\``), `${code}: ${shown}`);
      assert.doesNotMatch(means + remedy, /[{}]/);
    }
  });

  test('that come up first have a row in the README', () => {
    const often = answers.filter(({ isOften }) => isOften);
    assert.deepEqual(
      rowsOf('README.md').map(([, ...told]) => told),
      often.map(({ means, remedy }) => [means, remedy]),
    );
  });

  test('give the hint of an error in the words of the table', () => {
    const way = { host: 'pooler.example.com', port: 5432, user: '' };
    const coded = answers.filter(({ seen }) => seen.includes('code'));
    assert.ok(coded.length > 20);
    for (const { codes, reaction, means, remedy } of coded) {
      for (const code of codes) {
        const found = ['XX000', '28P01', '08006', '08P01', '42P05', '26000']
          .map((state) =>
            native.supabaseAdvice(way, { severity: 'FATAL', code: state, message: `(${code}) so it is` }),
          )
          .find((advice) => advice !== null);
        assert.deepEqual(found, { code, reaction, hint: `${means} ${remedy}` });
      }
    }
  });

  test('are recognised in the words of the poolers, with their code and without', () => {
    const of = {
      user: 'postgres',
      ref: REF,
      reason: 'unpaid',
      address: '10.0.0.1',
      limit: 15,
      millis: 9,
      name: 's0',
    };
    const cases = { ...ERRORS };
    delete cases.ECIRCUITBREAKER;
    const told = (fields, port = 6543) =>
      native.supabaseAdvice(
        { host: 'aws-0-eu-central-1.pooler.supabase.com', port, user: `postgres.${REF}` },
        { severity: fields.S, code: fields.C, message: fields.M },
      )?.code;
    for (const code of Object.keys(cases)) {
      const { reason, ...rest } = of;
      // One reason for a role that isn't there, another for a project that is banned.
      const parts = code === 'EAUTHQUERY' ? rest : { ...rest, reason };
      const name = code === 'EJITUNAUTHORIZED' ? 'EWRONGPASSWORD' : code;
      assert.equal(told(errorFields(code, parts)), name);
      if (cases[code].older) assert.equal(told(errorFields(code, parts, { older: true })), name);
    }
    for (const operation of ['auth_error', 'get_secrets', 'db_connection'])
      for (const older of [false, true])
        assert.equal(told(errorFields('ECIRCUITBREAKER', { operation }, { older })), 'ECIRCUITBREAKER');
    assert.equal(told(ADMIN_SHUTDOWN), 'EADMINSHUTDOWN');
  });

  test('have the reactions that types/error.d.ts names, and no others', () => {
    const [, words] = /reaction: ((?:'\w+'(?: \| )?)+);/.exec(read('types/error.d.ts'));
    const named = words.split(' | ').map((word) => word.slice(1, -1));
    assert.deepEqual(named.sort(), [...new Set(answers.map(({ reaction }) => reaction))].sort());
  });
});

describe("Supabase's root certificate", () => {
  const { X509Certificate } = require('node:crypto');
  const { rootsFor } = require('../../lib/pg/settings/tls-settings.js');
  const HOSTS = ['aws-0-eu-central-1.pooler.supabase.com', 'db.abcdefghijklmnopqrst.supabase.co'];

  test('is the published one, and is trusted by Node on the way to its hosts', () => {
    for (const host of HOSTS) {
      const roots = rootsFor({}, host);
      assert.ok(roots.length > 1);
      const root = new X509Certificate(roots.at(-1));
      assert.equal(
        root.fingerprint256,
        '80:70:25:AD:50:D4:ED:21:9D:2C:9C:7D:29:9C:00:4F:82:4E:B0:0C:F7:F6:5A:FE:F6:07:D0:7B:72:E6:CA:FA',
      );
      assert.deepEqual(
        [root.validFrom, root.validTo],
        ['Apr 28 10:56:53 2021 GMT', 'Apr 26 10:56:53 2031 GMT'],
      );
    }
  });

  test('is trusted on no other way, nor where the program says what to trust', () => {
    for (const host of ['localhost', 'abc.supabase.co', 'db.abc.supabase.co.example.com', ''])
      assert.equal(rootsFor({}, host), undefined, host);
    for (const given of [{ ca: 'own' }, { rejectUnauthorized: false }, { secureContext: {} }])
      assert.equal(rootsFor(given, HOSTS[0]), undefined);
  });
});
