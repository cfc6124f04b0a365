// What runs a program.

import path from 'node:path';

export const title = 'Runtime';

/** @type {import('../../matrix.mjs').Row[]} */
export const rows = [20, 22, 24, 26].map((major) => ({
  name: `Node ${major}`,
  async run(site) {
    const node = path.join(site.tool(`node@${major}`), 'node_modules', 'node', 'bin', 'node');
    await site.runPrograms(site.app(), [node]);
    return (await site.run([node, '--version'], { cwd: '/' })).trim().slice(1);
  },
}));
