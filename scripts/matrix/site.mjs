// Where the rows of the matrix work: empty folders, tools from npm, and programs that are run to their end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNpm } from '../npm.mjs';
import { readManifest, root } from '../targets.mjs';
import { tool } from '../tools.mjs';

const WATCHDOG_MILLIS = 5 * 60 * 1000;
const PROGRAMS = fileURLToPath(new URL('./programs', import.meta.url));

export class Site {
  #folders = [];

  /**
   * @param {object} options
   * @param {import('./tarballs.mjs').Tarball[]} options.tarballs what is packed here
   * @param {string} options.registry URL of a registry that has them, and everything else that npm's has
   * @param {string} options.database connection string of a PostgreSQL that speaks TLS, for its superuser
   */
  constructor({ tarballs, registry, database }) {
    this.tarballs = tarballs;
    this.registry = registry;
    this.database = database;
    /** This package's name and version. */
    this.manifest = readManifest();
  }

  /** @param {string} name of a package that is packed here @returns {string} its tarball */
  tarball(name) {
    const found = this.tarballs.find(({ manifest }) => manifest.name === name);
    if (!found) throw new Error(`no tarball of ${name} is here`);
    return found.file;
  }

  /**
   * @param {Record<string, string>} [files] texts by name
   * @returns {string} a new folder with a package.json
   */
  folder(files = {}) {
    const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'pgfleet-matrix-')));
    this.#folders.push(folder);
    const manifest = JSON.stringify({ name: 'app', version: '1.0.0', private: true });
    for (const [name, text] of Object.entries({ 'package.json': manifest, ...files })) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    return folder;
  }

  /**
   * A new folder in which npm has installed the tarballs of this package and of its platform, with the programs of
   * `scripts/matrix/programs` in it and README's own as `ten-lines.cjs`.
   *
   * @param {string[]} [packages] what npm shall install besides, such as `webpack@5`
   * @returns {string}
   */
  app(packages = []) {
    const folder = this.folder();
    this.addPrograms(folder);
    const files = this.tarballs.filter(({ isNeeded }) => isNeeded).map(({ file }) => file);
    this.npm(['install', ...files, ...packages], folder);
    return folder;
  }

  /** @param {string} folder gets the programs */
  addPrograms(folder) {
    for (const name of readdirSync(PROGRAMS))
      copyFileSync(path.join(PROGRAMS, name), path.join(folder, name));
    writeFileSync(path.join(folder, 'ten-lines.cjs'), tenLines());
  }

  /** @param {string[]} words @param {string} folder */
  npm([command, ...words], folder) {
    runNpm([command, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...words], {
      cwd: folder,
      output: 'capture',
    });
  }

  /** @param {string} spec @returns {string} the folder of packages that stay for the next time, see scripts/tools.mjs */
  tool(spec) {
    return tool(spec);
  }

  /**
   * Runs the programs of an app: what it requires, what it imports, and README's ten lines.
   *
   * @param {string} folder of `app`, or one that has the programs and the package
   * @param {string[]} [command] what runs a file; this Node when left out
   * @param {Record<string, string>} [env]
   */
  async runPrograms(folder, command = [process.execPath], env = {}) {
    for (const name of ['required.cjs', 'imported.mjs']) {
      const output = await this.run([...command, name], { cwd: folder, env });
      if (output !== 'works\n') throw new Error(`${name} said ${JSON.stringify(output)}`);
    }
    const output = await this.run([...command, 'ten-lines.cjs'], { cwd: folder, env });
    if (!/^PostgreSQL [^]*hello/.test(output)) throw new Error(`README's ten lines said ${output}`);
  }

  /**
   * Runs a command to its end, with DATABASE_URL and no other variable of PostgreSQL's.
   *
   * @param {string[]} command
   * @param {{ cwd: string, env?: Record<string, string> }} options
   * @returns {Promise<string>} its standard output
   * @throws {Error} with what it said, unless it ends with 0 in time
   */
  async run([file, ...args], { cwd, env = {} }) {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(PG|npm_|NODE_OPTIONS$|NODE_TEST_CONTEXT$|INIT_CWD$)/.test(name),
    );
    const child = spawn(file, args, {
      cwd,
      env: { ...Object.fromEntries(inherited), DATABASE_URL: this.database, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const watchdog = setTimeout(() => child.kill('SIGKILL'), WATCHDOG_MILLIS);
    const [code, signal] = await once(child, 'close').finally(() => clearTimeout(watchdog));
    if (code === 0) return stdout;
    const words = [path.basename(file), ...args].join(' ');
    throw new Error(`${words} ended with ${signal ?? code}\n${stdout.slice(-4000)}${stderr.slice(-4000)}`);
  }

  /** Removes the folders; the tools stay. */
  clear() {
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  }
}

/** The program of README's "Ten lines". */
function tenLines() {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const found = /^## Ten lines\n[^]*?^```js\n([^]*?)^```/m.exec(readme);
  if (!found) throw new Error('README.md has no "Ten lines"');
  return found[1];
}
