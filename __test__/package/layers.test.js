'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { before, describe, test } = require('node:test');
const { treeOf } = require('../support/tree.js');

/** @type {(directory: string) => string[]} */
let violations;

before(async () => {
  ({ violations } = await import('../../scripts/layers.mjs'));
});

/**
 * @param {import('node:test').TestContext} t
 * @param {Record<string, string>} files text by name
 */
function violationsOf(t, files) {
  return violations(treeOf(t, files));
}

describe('the order of the Rust layers', () => {
  const right = 'src/wire/frame.rs:1: wire uses conn, which is to its right';

  for (const [name, text] of Object.entries({
    'a path': 'use crate::conn::Socket;',
    'a path in an expression': 'fn f() { crate::conn::open() }',
    'a group': 'use crate::{error::Error, conn::{Socket, sql}};',
    'enough supers': 'use super::super::conn::Socket;',
    'enough supers in a module inside the file': 'mod tests { use super::super::super::conn::Socket; }',
    'a path behind a raw string': 'const A: &str = r#"" crate::pool "#; use crate::conn::Socket;',
    'a path behind a quote character': `const A: char = '"'; use crate::conn::Socket;`,
    'a path behind a lifetime': "fn f<'a>(x: &'a u8) { crate::conn::open() }",
    'a path behind a nested comment': '/* /* */ crate::pool */ use crate::conn::Socket;',
  })) {
    test(`${name} to the right is reported`, (t) => {
      assert.deepEqual(violationsOf(t, { 'src/wire/frame.rs': text }), [right]);
    });
  }

  for (const [name, text] of Object.entries({
    'its own layer and layers to its left': 'use crate::{error::Error, sql, wire::row};',
    'a module of its own that has the name of a layer': 'use super::conn::State; use self::pool::Slot;',
    'a module in the file that has the name of a layer': 'mod tests { use super::super::conn::State; }',
    'a comment': '// crate::conn\n/// crate::pool\n/* crate::node */',
    'a string': 'const A: &str = "crate::conn \\" crate::pool";',
    visibility: 'pub(crate) struct Frame; pub(super) struct Head;',
    'a name of another crate': 'use other::crate_like::conn; use tokio_postgres::config;',
  })) {
    test(`${name} is allowed`, (t) => {
      assert.deepEqual(violationsOf(t, { 'src/wire/frame.rs': text }), []);
    });
  }

  test('the line of the use is reported', (t) => {
    const text = 'use std::fmt;\n\n/* two\nlines */\nuse crate::{\n    error,\n    manager,\n};\n';
    assert.deepEqual(violationsOf(t, { 'src/pool/mod.rs': text }), [
      'src/pool/mod.rs:7: pool uses manager, which is to its right',
    ]);
  });

  test('napi is reported outside of src/node', (t) => {
    const files = {
      'src/pool/mod.rs': '#[napi_derive::napi]\nfn f() {}',
      'src/node/mod.rs': 'use napi::Env;',
    };
    assert.deepEqual(violationsOf(t, files), [
      'src/pool/mod.rs:1: pool names napi_derive: only src/node/ names napi',
      'src/pool/mod.rs:1: pool names napi: only src/node/ names napi',
    ]);
  });

  test('tokio is reported in layers that do no I/O, and in no other', (t) => {
    const files = { 'src/sql/split.rs': 'use tokio::net;', 'src/conn/mod.rs': 'use tokio::net;' };
    assert.deepEqual(violationsOf(t, files), ['src/sql/split.rs:1: sql names tokio: this layer does no I/O']);
  });

  test('a file in no layer is reported', (t) => {
    assert.match(violationsOf(t, { 'src/misc.rs': '' })[0], /^src\/misc\.rs:1: src\/misc is in no layer/);
  });

  test('lib.rs may declare every layer', (t) => {
    assert.deepEqual(violationsOf(t, { 'src/lib.rs': 'mod node; use crate::node::napi;' }), []);
  });
});

describe('the order of the JavaScript layers', () => {
  test('a file to the right is reported, however it is named', (t) => {
    const files = {
      'lib/errors.js': "require('./pg');\nrequire('./manager/database-manager.js');",
      'lib/pg/pool/pool.js': "const { a } = require('../../../index');",
      'index.mjs': "import './index.js';\nexport * from './lib/pg/index.js';",
      'index.js': "const later = () => import('./index.mjs');",
    };
    assert.deepEqual(violationsOf(t, files).sort(), [
      'index.js:1: index uses index.mjs of surface, to its right',
      'lib/errors.js:1: errors uses lib/pg/index.js of pg, to its right',
      'lib/errors.js:2: errors uses lib/manager/database-manager.js of manager, to its right',
      'lib/pg/pool/pool.js:1: pg uses index.js of index, to its right',
    ]);
  });

  test('only lib/native/binding.js may require native.js', (t) => {
    const files = {
      'lib/native/binding.js': "require('../../native.js');",
      'lib/pg/client/client.js': "\nrequire('../../../native');",
    };
    assert.deepEqual(violationsOf(t, files), [
      'lib/pg/client/client.js:2: only lib/native/binding.js may use native.js',
    ]);
  });

  test('comments and strings are not uses', (t) => {
    const text = "// require('./pg')\nconst example = \"require('./pg')\";";
    assert.deepEqual(violationsOf(t, { 'lib/errors.js': text }), []);
  });

  test('a file in no layer is reported', (t) => {
    assert.match(violationsOf(t, { 'lib/misc.js': '' })[0], /^lib\/misc\.js:1: is in no layer/);
  });
});

test('this package keeps its order', () => {
  assert.deepEqual(violations(path.join(__dirname, '..', '..')), []);
});
