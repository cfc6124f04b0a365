'use strict';

const fs = require('node:fs/promises');
const os = require('node:os');
const path = require('node:path');
const { after, before } = require('node:test');
const { writeTree } = require('./tree');
const { forBoth } = require('./both');
const { guideConfig } = require('./managers');
const { postgres } = require('./server');

/**
 * Runs a body of tests once on a likeness of the app's class over npm's `pg`, and once on this package's.
 *
 * @param {(bench: { AppManager: any, ours: boolean, server: import('./server').TestServer,
 *   config: (overrides?: object) => Promise<object>, manager: (configs?: object) => Promise<any>,
 *   folder: (files?: Record<string, string>) => Promise<string> }) => void} body
 */
function forAppManagers(body) {
  forBoth(({ ours, pg }) => {
    const AppManager = ours ? pg : require('./app-manager');
    const made = new Set();
    const folders = [];
    const home = process.cwd();
    const bench = {
      AppManager,
      ours,
      server: null,
      /** The configuration of a new database. */
      async config(overrides) {
        return guideConfig(bench.server, { database: await bench.server.createDatabase(), ...overrides });
      },
      /** A manager that is closed after the suite. */
      keep(manager) {
        made.add(manager);
        return manager;
      },
      /** A manager with a new database `main`, which is current. */
      async manager() {
        const manager = bench.keep(new AppManager({ main: await bench.config() }));
        await manager.initialize();
        await manager.switchDatabase('main');
        return manager;
      },
      /** A new working directory with these files. */
      async folder(files = {}) {
        const folder = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'app-')));
        folders.push(folder);
        writeTree(folder, files);
        process.chdir(folder);
        return folder;
      },
    };
    before(async () => {
      bench.server = await postgres();
    });
    after(async () => {
      process.chdir(home);
      for (const manager of made) await manager.shutdown();
      for (const folder of folders) await fs.rm(folder, { recursive: true });
    });
    body(bench);
  });
}

module.exports = { forAppManagers };
