'use strict';

const assert = require('node:assert/strict');
const { runWithNames } = require('../names.js');

// What a program has besides its arguments.
const TOOLS = `
  const DatabaseManager = require('./index.js');
  const told = (error) => ({
    code: error.code, message: error.message, severity: error.severity, supabase: error.supabase, outcome: error.outcome,
  });
  const failing = (promise) => Promise.resolve(promise).then((value) => ({ resolved: value ?? null }), told);
  const tools = {
    DatabaseManager, Client: DatabaseManager.Client, Pool: DatabaseManager.Pool, ca: process.env.VISIT_CA, failing,
    sleep: require('node:timers/promises').setTimeout,
  };
`;

/**
 * Runs a function in a program of its own, where Supabase's names lead to the fakes.
 *
 * @param {{ hosts: Record<string, string | string[]>, ca: string }} supabase
 * @param {(tools: any, ...args: any[]) => Promise<unknown>} act its text is run: it sees its arguments alone, and `tools`:
 *   DatabaseManager, Client, Pool, `ca`, `sleep`, and `failing`, which makes a rejection something that can be compared
 * @param {...unknown} args as JSON
 * @returns {Promise<any>} what it gave, as JSON
 */
async function visit(supabase, act, ...args) {
  const source = `${TOOLS}
    (${act})(tools, ...JSON.parse(process.env.VISIT_ARGUMENTS)).then((value) => {
      console.log(JSON.stringify(value ?? null));
    });`;
  const { code, signal, stdout, stderr } = await runWithNames(
    { source },
    { hosts: supabase.hosts, env: { VISIT_CA: supabase.ca, VISIT_ARGUMENTS: JSON.stringify(args) } },
  );
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  return JSON.parse(stdout);
}

module.exports = { visit };
