// Refuses decisions by what an error says: its kind, phase and code are there for that.
//
//   node scripts/told-by-text.mjs [folder]

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { readSources } from './layers.mjs';
import { root } from './targets.mjs';

/** Where there is nothing else to go by. */
const ALLOWED = new Map([
  ['lib/pg/client/disposal.js', "pg-pool's error for a second release has nothing but its text"],
]);

const SEARCHES =
  'includes|startsWith|endsWith|match|matchAll|search|indexOf|contains|starts_with|ends_with|find';

/** Supabase's poolers answer nearly everything with one SQLSTATE, so that only their texts say what is meant. */
const READS_ANSWERS = 'src/supabase/';

/** A message that is compared, searched, or looked up. */
const DECISIONS = [
  /(?<!typeof )\bmessage\s*(?:===|!==|==|!=)(?!\s*(?:null|undefined)\b)/,
  /(?:===|!==|==|!=)\s*[\w.?()[\]]*\.message\b(?!\.length)/,
  new RegExp(`\\.message\\.(?:${SEARCHES})\\(`),
  /\.(?:test|exec|has|includes)\(\s*[\w.]*\.message\s*\)/,
];

/**
 * @param {{ file: string, text: string }} source
 * @returns {string[]} one line for each decision
 */
export function decisionsByText({ file, text }) {
  if (!/^(?:src|lib)\//.test(file) || ALLOWED.has(file) || /\/(?:tests|scripted)\//.test(file)) return [];
  if (file.startsWith(READS_ANSWERS)) return [];
  // The messages of the protocol have names, which are no texts of errors.
  if (file.startsWith('lib/pg/messages/')) return [];
  const [shipped] = file.endsWith('.rs') ? text.split(/^#\[cfg\(test\)\]\nmod /m) : [text];
  return shipped
    .split('\n')
    .map((line, index) => ({ line: line.replace(/\/\/.*$/, ''), number: index + 1 }))
    .filter(({ line }) => DECISIONS.some((decision) => decision.test(line)))
    .map(({ number }) => `${file}:${number}: decides by a message; an error's kind, phase or code says it`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const sources = readSources(path.resolve(process.argv[2] ?? root));
  const found = sources.flatMap(decisionsByText);
  for (const line of found) console.error(line);
  process.exitCode = found.length ? 1 : 0;
}
