'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { ROOT } = require('../support/program.js');

const WALK = /^### A walk: (.+)\n\n((?:\|.*\n)+)/gm;

describe('walks in ARCHITECTURE.md', () => {
  const text = fs.readFileSync(path.join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const walks = [...text.matchAll(WALK)].map(([, title, table]) => ({
    title,
    files: [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, file]) => file),
  }));

  test('there are five', () => {
    assert.deepEqual(
      walks.map(({ title }) => title),
      [
        '`pool.query(text, values)`',
        "a row's way back",
        '`manager.executeDDL(sql, options)`',
        'a connection is lost',
        '`manager.diagnose()`',
      ],
    );
  });

  for (const { title, files } of walks) {
    test(`${title}: passes files that exist, none of them twice`, () => {
      assert.deepEqual(
        files.filter((file, at) => files.indexOf(file) !== at || !fs.existsSync(path.join(ROOT, file))),
        [],
      );
      assert.ok(files.length > 10);
    });
  }
});
