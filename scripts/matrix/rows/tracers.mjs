// Tracers that look for `pg`: what they see of a program has to be the same on pg and on pgfleet in its place.

import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAMS = fileURLToPath(new URL('../programs', import.meta.url));

const TRACERS = {
  OpenTelemetry: {
    program: 'opentelemetry.cjs',
    packages: [
      '@opentelemetry/instrumentation-pg',
      '@opentelemetry/instrumentation',
      '@opentelemetry/sdk-trace-base',
      '@opentelemetry/context-async-hooks',
      '@opentelemetry/api',
    ],
  },
  Sentry: { program: 'sentry.cjs', packages: ['@sentry/node'] },
  // Version 6 wants Node 22.
  Datadog: { program: 'datadog.cjs', packages: ['dd-trace@5'] },
};

/** How pgfleet comes into the place of pg: what is installed, and what Node is told. */
const WAYS = {
  'pgfleet/register': { pg: 'pg', options: ['--require', 'pgfleet/register'] },
  '@pgfleet/pg as an alias': { pg: 'pg@npm:@pgfleet/pg', options: [] },
};

export const title = 'Tracer';

/** @type {import('../../matrix.mjs').Row[]} */
export const rows = Object.entries(TRACERS).flatMap(([name, tracer]) =>
  Object.entries(WAYS).map(([way, { pg, options }]) => ({
    name: `${name}, ${way}`,
    async run(site) {
      const onPg = await spansOf(site, await app(site, tracer, 'pg'), tracer, []);
      const place = await app(site, tracer, pg);
      const onOurs = await spansOf(site, place, tracer, options);
      if (onPg.length < 19) throw new Error(`it sees no more than ${onPg.join(', ')} on pg`);
      if (onOurs.join('\n') !== onPg.join('\n')) {
        throw new Error(`on pg it sees\n${onPg.join('\n')}\nand on pgfleet\n${onOurs.join('\n')}`);
      }
      const [installed] = tracer.packages[0].split(/(?<=.)@/);
      const manifest = path.join(place, 'node_modules', installed, 'package.json');
      return `${JSON.parse(readFileSync(manifest, 'utf8')).version}, ${onPg.length} spans`;
    },
  })),
);

async function app(site, { program, packages }, pg) {
  const folder = site.folder();
  const options = ['--no-audit', '--no-fund', '--prefer-offline', `--registry=${site.registry}`];
  await site.run(['npm', 'install', ...options, 'pgfleet', pg, ...packages], { cwd: folder });
  for (const name of [program, 'traced.cjs'])
    copyFileSync(path.join(PROGRAMS, name), path.join(folder, name));
  return folder;
}

/** @returns {Promise<string[]>} a line for each span, sorted: what runs at the same time has no order */
async function spansOf(site, cwd, { program }, options) {
  const said = await site.run([process.execPath, ...options, program], { cwd });
  const { isOurs, spans } = JSON.parse(said.trim().split('\n').at(-1));
  const isExpected = options.length > 0 || isAlias(cwd);
  if (isOurs !== isExpected) throw new Error(`pg is ${isOurs ? '' : 'not '}pgfleet`);
  return spans.sort();
}

function isAlias(folder) {
  const manifest = readFileSync(path.join(folder, 'node_modules/pg/package.json'), 'utf8');
  return JSON.parse(manifest).name === '@pgfleet/pg';
}
