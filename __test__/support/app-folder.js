'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { writeTree } = require('./tree.js');

const ROOT = path.join(__dirname, '..', '..');

/**
 * An application that has this package and `dotenv` installed, and a one-line services/DatabaseManager.js.
 *
 * @param {Record<string, string>} files their texts by name
 * @returns {string} its folder; whoever made it removes it
 */
function makeApp(files) {
  const app = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-app-'));
  fs.mkdirSync(path.join(app, 'node_modules'));
  fs.symlinkSync(ROOT, path.join(app, 'node_modules', 'pgfleet'), 'junction');
  const dotenv = path.join(ROOT, 'node_modules', 'dotenv');
  fs.symlinkSync(dotenv, path.join(app, 'node_modules', 'dotenv'), 'junction');
  const whole = {
    'package.json': JSON.stringify({ name: 'app', private: true }),
    'services/DatabaseManager.js': "module.exports = require('pgfleet');\n",
    ...files,
  };
  writeTree(app, whole);
  return app;
}

module.exports = { makeApp };
