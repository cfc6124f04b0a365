// Makes a checkout ready: its npm packages and its addon, each only when stale. Every command of package.json
// begins with it, so it uses nothing that npm has to install first.

import { installDependencies } from './dependencies.mjs';
import { buildAddon } from './addon.mjs';
import { Failure, report } from './failure.mjs';

try {
  installDependencies();
  buildAddon();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  report(error);
}
