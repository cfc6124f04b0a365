'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const ts = require('typescript');

const addon = require('../../native.js');

const file = path.join(__dirname, '../../lib/native/addon.d.ts');
const source = ts.createSourceFile(file, fs.readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);

/** What JavaScript itself puts on an object of the addon's. */
const OWN = { Environment: ['callback'] };

/** @param {string} name of an interface */
function declared(name) {
  const found = source.statements.find((one) => ts.isInterfaceDeclaration(one) && one.name.text === name);
  assert.ok(found, `addon.d.ts declares ${name}`);
  const members = found.members.map((member) => member.name.text);
  return members.filter((member) => !OWN[name]?.includes(member)).sort();
}

describe('lib/native/addon.d.ts', () => {
  test('declares what the addon exports', () => {
    assert.deepEqual(declared('Addon'), Object.keys(addon).sort());
  });

  for (const name of ['Environment', 'Connection', 'Pool']) {
    test(`declares the members of the addon's ${name}`, () => {
      const members = Object.getOwnPropertyNames(addon[name].prototype);
      assert.deepEqual(declared(name), members.filter((member) => member !== 'constructor').sort());
    });
  }

  test('declares the parts of its layout', () => {
    assert.deepEqual(declared('Layout'), Object.keys(addon.layout()).sort());
  });
});
