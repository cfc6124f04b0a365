'use strict';

// The package without npm: unpacked as the folder services/DatabaseManager/ of an application.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const manifest = require('../../package.json');
const { platformName } = require('../../lib/platform.js');
const { postgres } = require('../support/server.js');
const { run, ROOT } = require('../support/program.js');
const { packTarballs, remove, temporaryFolder } = require('./checkout.js');
const { unpack } = require('./tarball.js');

const USE = `
  const manager = new DatabaseManager();
  const { DB_HOST: dbHost, DB_PORT: dbPort, DB_USER: dbUser, DB_PASSWORD: dbPassword } = process.env;
  manager
    .addConnection('main', { dbHost, dbPort, dbUser, dbPassword })
    .then(() => manager.executeDDL('CREATE TEMPORARY TABLE dropped (in_folder int); SELECT 7 AS seven'))
    .then(([, { rows }]) => console.log(JSON.stringify(rows)));
`;

const APPS = {
  'an app of CommonJS': {
    manifest: {},
    programs: { 'program.js': `const DatabaseManager = require('./services/DatabaseManager');${USE}` },
  },
  'an app of type module': {
    manifest: { type: 'module' },
    programs: {
      'program.cjs': `const DatabaseManager = require('./services/DatabaseManager');${USE}`,
      'program.js': `import DatabaseManager from './services/DatabaseManager/index.mjs';${USE}`,
      'required.js': `
        import { createRequire } from 'node:module';
        const DatabaseManager = createRequire(import.meta.url)('./services/DatabaseManager');${USE}`,
    },
  },
};

for (const [label, app] of Object.entries(APPS)) {
  describe(`dropped into ${label}, the package`, () => {
    /** @type {string} */
    let folder;
    /** @type {import('../support/server.js').TestServer} */
    let server;

    before(async () => {
      folder = temporaryFolder();
      server = await postgres();
      const { main } = await packTarballs(folder);
      const place = path.join(folder, 'app/services/DatabaseManager');
      unpack(main, place);
      // What the build of a checkout leaves there, and what npm would install.
      fs.copyFileSync(path.join(ROOT, addonName()), path.join(place, addonName()));
      copyDependencies(path.join(folder, 'app'));
      fs.writeFileSync(
        path.join(folder, 'app/package.json'),
        JSON.stringify({ name: 'app', ...app.manifest }),
      );
      for (const [name, text] of Object.entries(app.programs)) {
        fs.writeFileSync(path.join(folder, 'app', name), text);
      }
    });
    after(() => remove(folder));

    for (const name of Object.keys(app.programs)) {
      test(`works in ${name}, which ends by itself`, async () => {
        const outcome = await run(path.join(folder, 'app', name), {
          cwd: path.join(folder, 'app'),
          env: {
            DB_HOST: server.host,
            DB_PORT: String(server.port),
            DB_USER: server.user,
            DB_PASSWORD: server.password,
          },
        });
        const { stdout, stderr, code } = outcome;
        assert.deepEqual({ stdout, stderr, code }, { stdout: '[{"seven":7}]\n', stderr: '', code: 0 });
      });
    }
  });
}

function addonName() {
  return `pgfleet.${platformName()}.node`;
}

/** Copies the run-time dependencies, and theirs, from this checkout. */
function copyDependencies(app) {
  const wanted = Object.keys(manifest.dependencies);
  for (const name of wanted) {
    const source = path.join(ROOT, 'node_modules', name);
    const target = path.join(app, 'node_modules', name);
    if (!fs.existsSync(target)) fs.cpSync(source, target, { recursive: true });
    const { dependencies = {} } = JSON.parse(fs.readFileSync(path.join(source, 'package.json'), 'utf8'));
    wanted.push(...Object.keys(dependencies).filter((one) => !wanted.includes(one)));
  }
}
