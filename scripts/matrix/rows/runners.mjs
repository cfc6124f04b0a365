// Test runners that bring a module system and timers of their own. Each is set up as docs/replacing-pg.md says.

import { writeFileSync } from 'node:fs';
import path from 'node:path';

export const title = 'Test runner';

const JEST = {
  testMatch: ['**/jest.test.cjs'],
  fakeTimers: { enableGlobally: true }, // for the first test, before the package is loaded
  moduleNameMapper: { '^pg$': 'pgfleet/pg', '^pg/lib/(.*)$': 'pgfleet/lib/$1' },
};

const VITEST = `
export default {
  test: {
    include: ['vitest.test.mjs'],
    alias: { pg: 'pgfleet/pg' },
    execArgv: ['--require', 'pgfleet/register'],
  },
};
`;

/** @type {import('../../matrix.mjs').Row[]} */
export const rows = [
  {
    name: 'jest',
    async run(site) {
      const app = site.app(['jest@30', 'knex@3']);
      writeFileSync(path.join(app, 'jest.config.json'), JSON.stringify(JEST));
      const jest = path.join(app, 'node_modules', 'jest', 'bin', 'jest.js');
      await site.run([process.execPath, '--expose-gc', jest, '--runInBand', '--no-cache'], { cwd: app });
      return (await site.run([process.execPath, jest, '--version'], { cwd: app })).trim();
    },
  },
  {
    name: 'vitest',
    async run(site) {
      const app = site.app(['vitest@4', 'knex@3']);
      writeFileSync(path.join(app, 'vitest.config.mjs'), VITEST);
      const vitest = path.join(app, 'node_modules', 'vitest', 'vitest.mjs');
      await site.run([process.execPath, vitest, 'run'], { cwd: app });
      const words = await site.run([process.execPath, vitest, '--version'], { cwd: app });
      return /\d+\.\d+\.\d+/.exec(words)?.[0] ?? words.trim();
    },
  },
];
