// Programs in one file, as bundlers make them: each is bundled, and then run where nothing is installed but the addon.

import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const title = 'Bundler';

const WEBPACK = `module.exports = {
  mode: 'production',
  target: 'node',
  entry: './required.cjs',
  output: { path: require('node:path').resolve('out'), filename: 'bundle.js' },
  node: { __dirname: false },
  module: { rules: [{ test: /\\.node$/, loader: 'node-loader' }] },
};
`;

const ROLLUP = `import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
export default {
  input: 'required.cjs',
  external: [/^pgfleet-/],
  plugins: [nodeResolve({ preferBuiltins: true }), commonjs()],
  output: { file: 'out/bundle.cjs', format: 'cjs' },
};
`;

/** A page that is made when the application is built, of what a server answers. */
const PAGE = `import { Client } from 'pgfleet/pg';

export default async function Page() {
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  const { rows } = await client.query('SELECT $1::text AS word', ['works']);
  await client.end();
  return <p>{rows[0].word}</p>;
}
`;

const LAYOUT = `export default function Layout({ children }) {
  return (
    <html>
      <body>{children}</body>
    </html>
  );
}
`;

const EXTERNAL = "export default { serverExternalPackages: ['pgfleet'] };\n";
/** @type {import('../../matrix.mjs').Row[]} */
export const rows = [
  {
    name: 'esbuild, `.node` files copied',
    async run(site) {
      const app = site.app(['esbuild']);
      const options = ['--bundle', '--platform=node', '--loader:.node=copy', '--outfile=out/bundle.js'];
      await site.run(['node_modules/.bin/esbuild', 'required.cjs', ...options], { cwd: app });
      await runElsewhere(site, path.join(app, 'out'), 'bundle.js');
      return versionIn(app, 'esbuild');
    },
  },
  {
    name: 'webpack, with node-loader',
    async run(site) {
      const app = site.app(['webpack', 'webpack-cli', 'node-loader']);
      write(app, 'webpack.config.cjs', WEBPACK);
      await site.run([process.execPath, 'node_modules/webpack/bin/webpack.js'], { cwd: app });
      await runElsewhere(site, path.join(app, 'out'), 'bundle.js');
      return versionIn(app, 'webpack');
    },
  },
  {
    name: "Rollup, without the platform's package",
    async run(site) {
      const app = site.app(['rollup', '@rollup/plugin-commonjs', '@rollup/plugin-node-resolve']);
      write(app, 'rollup.config.mjs', ROLLUP);
      await site.run([process.execPath, 'node_modules/rollup/dist/bin/rollup', '--config'], { cwd: app });
      await expectWorks(site, path.join(app, 'out/bundle.cjs'), app);
      return versionIn(app, 'rollup');
    },
  },
  next('Next.js with Turbopack, `serverExternalPackages`', [], EXTERNAL),
  next('Next.js with webpack, `serverExternalPackages`', ['--webpack'], EXTERNAL),
];

/** @returns {import('../../matrix.mjs').Row} */
function next(name, options, config) {
  return {
    name,
    async run(site) {
      const app = site.app(['next', 'react', 'react-dom']);
      write(app, 'next.config.mjs', config);
      write(app, 'app/page.js', PAGE);
      write(app, 'app/layout.js', LAYOUT);
      await site.run([process.execPath, 'node_modules/next/dist/bin/next', 'build', ...options], {
        cwd: app,
        env: { NEXT_TELEMETRY_DISABLED: '1' },
      });
      const page = readFileSync(path.join(app, '.next/server/app/index.html'), 'utf8');
      if (!page.includes('<p>works</p>')) throw new Error(`the page is ${page.slice(0, 500)}`);
      return versionIn(app, 'next');
    },
  };
}

async function runElsewhere(site, output, name) {
  const place = site.folder();
  cpSync(output, place, { recursive: true });
  await expectWorks(site, path.join(place, name), place);
}

async function expectWorks(site, file, cwd) {
  const said = await site.run([process.execPath, file], { cwd });
  if (said !== 'works\n') throw new Error(`the bundle said ${JSON.stringify(said)}`);
}

function write(folder, name, text) {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text);
}

function versionIn(app, name) {
  return JSON.parse(readFileSync(path.join(app, 'node_modules', name, 'package.json'), 'utf8')).version;
}
