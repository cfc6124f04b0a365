// This package from another checkout, built there: what a change is compared with.

import { createRequire } from 'node:module';
import path from 'node:path';
import { adapterOf } from './pgfleet.mjs';

const checkout = path.resolve(process.env.PGFLEET_BENCH_BEFORE);
const require = createRequire(import.meta.url);

export const { version } = require(path.join(checkout, 'package.json'));
export const adapter = adapterOf(require(checkout));
