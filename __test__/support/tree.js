'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/**
 * @param {string} directory
 * @param {Record<string, string>} files text by name
 */
function writeTree(directory, files) {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(directory, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
}

/**
 * @param {import('node:test').TestContext} t
 * @param {Record<string, string>} files text by name
 * @returns {string} a folder with these files, which goes with the test
 */
function treeOf(t, files) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-tree-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  writeTree(directory, files);
  return directory;
}

module.exports = { treeOf, writeTree };
