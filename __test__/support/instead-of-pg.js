'use strict';

// For `node --require`: whatever the program and its libraries require as `pg` is this package.

const Module = require('node:module');
const path = require('node:path');

const ours = path.join(__dirname, '..', '..', 'lib', 'pg');
const resolve = Module._resolveFilename;

Module._resolveFilename = function (request, ...rest) {
  if (request === 'pg') return resolve.call(this, ours, ...rest);
  if (request.startsWith('pg/lib/')) {
    return resolve.call(this, path.join(ours, request.slice('pg/lib/'.length)), ...rest);
  }
  return resolve.call(this, request, ...rest);
};
