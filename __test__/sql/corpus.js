'use strict';

const { readdirSync, readFileSync } = require('node:fs');
const path = require('node:path');

const DIRECTORY = path.join(__dirname, 'corpus');

/** @type {{ name: string, sql: string }[]} scripts of statements of every kind */
const scripts = readdirSync(DIRECTORY)
  .sort()
  .map((name) => ({ name, sql: readFileSync(path.join(DIRECTORY, name), 'utf8') }));

module.exports = { scripts };
