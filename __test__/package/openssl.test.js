'use strict';

// Which OpenSSL a build takes: with C compilers that are scripts, so that the machine's own libraries don't matter.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, beforeEach, describe, test } = require('node:test');
const { platformName } = require('../../lib/native/platform.js');
const { run, ROOT } = require('../support/program.js');
const { remove, temporaryFolder } = require('./checkout.js');

/** What a C compiler with an OpenSSL to be linked does: says where the archives are, and names the headers. */
const COMPILER = `#!/bin/sh
case "$1" in -print-file-name=*) echo "$FOLDER/lib/../lib/\${1#*=}"; exit ;; esac
for word; do case "$word" in *.d) dependencies=$word ;; esac; done
echo "probe.o: probe.c $FOLDER/include/openssl/opensslv.h $FOLDER/include/openssl/ssl.h" > "$dependencies"
exit "$STATUS"
`;
/** What a C compiler says that doesn't find the archives. */
const WITHOUT = '#!/bin/sh\necho "${1#*=}"\n';

const CHOOSE = `
  import { chooseOpenssl } from './scripts/openssl.mjs';
  chooseOpenssl({ platform: process.argv[2], triple: 'x86_64-unknown-linux-gnu' });
`;

// The release workflow sets this variable.
const isRelease = process.platform === 'linux' && process.env.OPENSSL_NO_VENDOR === '0';
test('the OpenSSL of a released addon is the one of Cargo.lock', { skip: !isRelease }, async () => {
  const { lockedOpenssl } = await import('../../scripts/openssl.mjs');
  const addon = fs.readFileSync(path.join(ROOT, `pgfleet.${platformName()}.node`));
  assert.ok(addon.includes(`OpenSSL ${lockedOpenssl()} `));
});

describe('the OpenSSL of a build', { skip: process.platform === 'win32' }, () => {
  let checkout;

  before(() => {
    checkout = temporaryFolder();
    for (const name of ['scripts', 'lib/native/platform.js', 'package.json', '.cargo/config.toml']) {
      fs.cpSync(path.join(ROOT, name), path.join(checkout, name), { recursive: true });
    }
    fs.writeFileSync(path.join(checkout, 'choose.mjs'), CHOOSE);
    for (const [name, text] of Object.entries({ with: COMPILER, without: WITHOUT })) {
      fs.writeFileSync(path.join(checkout, name), text, { mode: 0o755 });
    }
  });
  after(() => remove(checkout));
  beforeEach(() => fs.writeFileSync(settings(), 'of an earlier build'));

  const settings = () => path.join(checkout, '.cargo/openssl.toml');

  /** @returns {Promise<string | undefined>} what cargo is told */
  async function choice({ compiler = 'with', status = 0, platform = 'linux', env = {} } = {}) {
    const { code, stderr } = await run(path.join(checkout, 'choose.mjs'), {
      args: [platform],
      env: {
        OPENSSL_NO_VENDOR: '',
        CC: path.join(checkout, compiler),
        FOLDER: checkout,
        STATUS: String(status),
        ...env,
      },
    });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    return fs.existsSync(settings()) ? fs.readFileSync(settings(), 'utf8') : undefined;
  }

  test('is the static one that the C compiler finds and can link', async () => {
    const text = await choice();
    assert.deepEqual(text.trim().split('\n').slice(1), [
      '[env]',
      'X86_64_UNKNOWN_LINUX_GNU_OPENSSL_NO_VENDOR = "1"',
      'X86_64_UNKNOWN_LINUX_GNU_OPENSSL_STATIC = "1"',
      `X86_64_UNKNOWN_LINUX_GNU_OPENSSL_LIB_DIR = ${JSON.stringify(path.join(checkout, 'lib'))}`,
      `X86_64_UNKNOWN_LINUX_GNU_OPENSSL_INCLUDE_DIR = ${JSON.stringify(path.join(checkout, 'include'))}`,
    ]);
  });

  for (const [what, options] of Object.entries({
    'there is no archive': { compiler: 'without' },
    "the archive can't be part of a shared library, or isn't OpenSSL 3": { status: 1 },
    'there is no C compiler': { compiler: 'nowhere' },
    'OPENSSL_NO_VENDOR says so': { env: { OPENSSL_NO_VENDOR: '0' } },
    'the platform has TLS of its own': { platform: 'darwin' },
  })) {
    test(`is built from source when ${what}`, async () => {
      assert.equal(await choice(options), undefined);
    });
  }

  test('is told to every cargo, also one that is called by hand', () => {
    assert.match(
      fs.readFileSync(path.join(checkout, '.cargo/config.toml'), 'utf8'),
      /^include = \[\{ path = "openssl\.toml", optional = true \}\]$/m,
    );
  });
});
