// What installs the package from a registry: by its name, with nothing of this repository around.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

export const title = 'Installer';

const inTool = (site, spec, ...file) => path.join(site.tool(spec), 'node_modules', ...file);

/**
 * Installs the package by its name in an empty folder, and runs the programs there.
 *
 * @param {import('../site.mjs').Site} site
 * @param {string[]} installer its command
 * @param {object} options
 * @param {string[]} options.add the words that add the package, without its name
 * @param {Record<string, string>} [options.files] its settings, texts by name
 * @param {string[]} [options.node] what runs Node in its folder
 */
async function installAndRun(site, installer, { add, files = {}, node = [process.execPath] }) {
  const folder = site.folder(files);
  await site.run([...installer, ...add, 'pgfleet'], { cwd: folder, env: { CI: '' } });
  checkParts(path.join(folder, 'node_modules'));
  site.addPrograms(folder);
  await site.runPrograms(folder, node);
  const version = await site.run([...installer, '--version'], { cwd: folder });
  return version.trim();
}

/** Of the parts for other systems none is to be there. Only Yarn 1 doesn't tell the C libraries of Linux apart. */
function checkParts(modules) {
  if (!existsSync(modules)) return; // Plug'n'Play has none
  const parts = readdirSync(modules).filter((name) => /^pgfleet-.*-(x64|arm64)/.test(name));
  const foreign = parts.filter((name) => !name.startsWith(`pgfleet-${process.platform}-${process.arch}`));
  if (foreign.length > 0) throw new Error(`installed for other systems as well: ${foreign}`);
}

/** Yarn from version 2 on is set up by a file. */
const yarnSettings = (site, linker) =>
  [
    `npmRegistryServer: ${JSON.stringify(site.registry)}`,
    'unsafeHttpWhitelist: ["127.0.0.1"]',
    `nodeLinker: ${linker}`,
    'pnpEnableEsmLoader: true', // for programs that are ES modules
    // Nothing of an earlier run, whose tarballs had the same version.
    `globalFolder: ${JSON.stringify(site.folder())}`,
    'enableGlobalCache: false',
    'enableTelemetry: false',
    'enableImmutableInstalls: false',
    'npmMinimalAgeGate: 0',
    '',
  ].join('\n');

/** @returns {import('../../matrix.mjs').Row} */
function yarn4(name, linker) {
  return {
    name,
    run(site) {
      const yarn = [
        process.execPath,
        inTool(site, '@yarnpkg/cli-dist@4', '@yarnpkg', 'cli-dist', 'bin', 'yarn.js'),
      ];
      return installAndRun(site, yarn, {
        add: ['add'],
        files: { '.yarnrc.yml': yarnSettings(site, linker), 'yarn.lock': '' },
        // Without folders only Yarn's own Node finds the packages.
        node: linker === 'pnp' ? [...yarn, 'node'] : undefined,
      });
    },
  };
}

/** @type {import('../../matrix.mjs').Row[]} */
export const rows = [
  {
    name: 'npm',
    run: (site) =>
      installAndRun(site, ['npm'], {
        add: ['install', '--no-audit', '--no-fund', `--registry=${site.registry}`],
      }),
  },
  {
    name: 'pnpm',
    run(site) {
      const pnpm = inTool(site, 'pnpm@10', 'pnpm', 'bin', 'pnpm.cjs');
      const store = site.folder();
      return installAndRun(site, [process.execPath, pnpm], {
        add: ['add', `--registry=${site.registry}`, `--store-dir=${store}`],
      });
    },
  },
  {
    name: 'Yarn 1',
    run(site) {
      const yarn = inTool(site, 'yarn@1', 'yarn', 'bin', 'yarn.js');
      return installAndRun(site, [process.execPath, yarn], {
        add: ['--registry', site.registry, '--cache-folder', site.folder(), 'add'],
      });
    },
  },
  yarn4("Yarn 4, Plug'n'Play", 'pnp'),
  yarn4('Yarn 4, `node_modules`', 'node-modules'),
  {
    name: '`bun install`',
    run(site) {
      const bun = inTool(site, 'bun@1', '.bin', 'bun');
      return installAndRun(site, [bun], { add: ['add', `--registry=${site.registry}`, '--no-cache'] });
    },
  },
];
