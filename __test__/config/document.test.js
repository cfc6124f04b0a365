'use strict';

// The examples of docs/configuration.md, as they stand there.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { ROOT } = require('../support/program.js');
const { treeOf } = require('../support/tree.js');

const DatabaseManager = require('../..');

const text = fs.readFileSync(path.join(ROOT, 'docs', 'configuration.md'), 'utf8');

/** @returns {string[]} the blocks of a language */
function blocks(language) {
  return [...text.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(([, code]) => code);
}

test('the file in JSON has the databases and groups that it shows', async (t) => {
  const [file] = blocks('json');
  const directory = treeOf(t, { 'pgfleet.config.json': file, 'secrets/blog': 'pw\n' });
  const manager = await DatabaseManager.fromConfig(path.join(directory, 'pgfleet.config.json'));
  assert.deepEqual(await manager._select(['group:customers']), ['shop', 'blog']);
  assert.deepEqual(await manager._select(['group:europe']), ['shop']);
  const { password } = manager.connections.get('blog').pool.options;
  assert.equal(await password(), 'pw');
  const { host, user, max } = manager.connections.get('shop').pool.options;
  assert.deepEqual(
    [host, user, max],
    ['aws-0-eu-central-1.pooler.supabase.com', 'postgres.abcdefghijklmnopqrst', 3],
  );
});

test('the file in TOML begins the same', async (t) => {
  const [file] = blocks('toml');
  const toml = treeOf(t, { 'pgfleet.config.toml': file });
  const [json] = blocks('json');
  const shop = async (config) => (await DatabaseManager.fromConfig(config)).connections.get('shop').config;
  const { groups: _, ...expected } = await shop(JSON.parse(json));
  assert.deepEqual(await shop(path.join(toml, 'pgfleet.config.toml')), expected);
});

test('tenants by columns are a part of a configuration', async () => {
  const [, discover] = blocks('json');
  const manager = await DatabaseManager.fromConfig({ databases: { main: {} }, ...JSON.parse(discover) });
  assert.equal(manager.connections.size, 1);
});
