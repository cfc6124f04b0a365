// What runs a program.

import path from 'node:path';

export const title = 'Runtime';

const nodes = [20, 22, 24, 26].map((major) => ({
  name: `Node ${major}`,
  async run(site) {
    const node = path.join(site.tool(`node@${major}`), 'node_modules', 'node', 'bin', 'node');
    await site.runPrograms(site.app(), [node]);
    return versionOf(site, node);
  },
}));

/** @type {import('../../matrix.mjs').Row[]} */
export const rows = [
  ...nodes,
  {
    name: 'Deno',
    async run(site) {
      const deno = path.join(site.tool('deno@2'), 'node_modules', '.bin', 'deno');
      await site.runPrograms(site.app(), [deno, 'run', '--allow-all', '--node-modules-dir=manual']);
      return versionOf(site, deno);
    },
  },
  {
    name: 'Bun',
    async run(site) {
      const bun = path.join(site.tool('bun@1'), 'node_modules', '.bin', 'bun');
      await site.runPrograms(site.app(), [bun]);
      return versionOf(site, bun);
    },
  },
  {
    name: 'A worker thread',
    async run(site) {
      const output = await site.run([process.execPath, 'worker.mjs'], { cwd: site.app() });
      if (output !== 'works\nworks\nworks\n') throw new Error(`the workers said ${output}`);
      return `Node ${process.versions.node}`;
    },
  },
  {
    name: 'No code generation from strings, as in Electron',
    async run(site) {
      await site.runPrograms(site.app(), [process.execPath, '--disallow-code-generation-from-strings']);
      return `Node ${process.versions.node}`;
    },
  },
  {
    name: '`node --permission`, reading its own folder only',
    async run(site) {
      const node = path.join(site.tool('node@24'), 'node_modules', 'node', 'bin', 'node');
      const app = site.app();
      const permissions = ['--no-warnings', '--permission', '--allow-addons', `--allow-fs-read=${app}`];
      await site.runPrograms(app, [node, ...permissions]);
      return `Node ${await versionOf(site, node)}`;
    },
  },
];

/** @returns {Promise<string>} what a program says of itself: `v22.1.0`, `deno 2.1.0 (…)`, `1.4.0` */
async function versionOf(site, program) {
  const words = await site.run([program, '--version'], { cwd: '/' });
  return /\d+\.\d+\.\d+/.exec(words)?.[0] ?? words.trim();
}
