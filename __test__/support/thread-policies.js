'use strict';

const fs = require('node:fs');

/** Linux's scheduling policies, as in field 41 of a thread's stat file. */
const [OTHER, BATCH, IDLE] = [0, 3, 5];

/** The policies of the runtime's threads, each once. */
function threadPolicies() {
  const found = new Set();
  for (const thread of fs.readdirSync('/proc/self/task')) {
    const stat = fs.readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
    const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(stat);
    if (name === 'pgfleet') found.add(Number(rest.split(' ')[38]));
  }
  return [...found];
}

module.exports = { BATCH, IDLE, OTHER, threadPolicies };
