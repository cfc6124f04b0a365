// The tables of what Supabase's poolers and databases answer, in README.md and docs/supabase.md, from the file that the
// hints of errors are made of.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './targets.mjs';

/** How a place is written behind what is seen there. */
const PLACES = {
  pooler: 'pooler',
  direct: 'direct host',
  transaction: 'transaction mode',
};

/**
 * @typedef {object} Answer
 * @property {string[]} codes
 * @property {string[]} seen
 * @property {string} reaction
 * @property {string} means
 * @property {string} remedy
 * @property {boolean} isOften
 */

/**
 * @param {string} [text] as in src/supabase/answers.txt, which says what stands in it
 * @returns {Answer[]}
 */
export function readAnswers(text = readFileSync(path.join(root, 'src/supabase/answers.txt'), 'utf8')) {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  const records = lines.join('\n').split(/\n{2,}/);
  return records.map((record) => record.trim()).flatMap((record) => (record === '' ? [] : [answer(record)]));
}

/** @param {string} record */
function answer(record) {
  const entries = record
    .split(/\n(?! )/)
    .map((line) => /** @type {RegExpExecArray} */ (/^(\w+): ([^]*)$/.exec(line)));
  const all = (/** @type {string} */ key) =>
    entries.filter(([, name]) => name === key).map(([, , value]) => value.replace(/\n */g, ' '));
  const [codes, reaction, means, remedy] = ['codes', 'reaction', 'means', 'do'].map((key) =>
    all(key).join(' '),
  );
  return {
    codes: codes.split(', '),
    seen: all('seen'),
    reaction,
    means: withoutFacts(means),
    remedy: withoutFacts(remedy),
    isOften: all('often').join() === 'yes',
  };
}

/** The words of `{fact|words}`, which stand where the fact isn't known. */
const withoutFacts = (/** @type {string} */ template) => template.replace(/\{\w+\|([^}]*)\}/g, '$1');

/** @param {Answer} answer what a program or its user gets to see */
function sight({ codes, seen }) {
  /** @type {Map<string, string[]>} */
  const byPlace = new Map();
  for (const form of seen) {
    const [, what, place = '', texts = ''] = /** @type {RegExpExecArray} */ (
      /^(\w+)(?: on (\w+))?(?:: (.*))?$/.exec(form)
    );
    const name = PLACES[/** @type {keyof typeof PLACES} */ (place)] ?? '';
    const shown = byPlace.get(name) ?? [];
    byPlace.set(name, shown);
    // The first text is the best known.
    const text = texts === '' ? '' : `“${texts.split(' | ')[0].trim()}”`;
    const isShown = shown.some(
      (other) => other.includes('“') && text.includes(/“(.*)”/.exec(other)?.[1] ?? ''),
    );
    if (what === 'XX000') shown.push(...(isShown ? [] : [text]));
    else for (const code of what === 'code' ? codes : [what]) shown.push(`\`${code}\` ${text}`.trim());
  }
  const groups = [...byPlace].map(([name, shown]) => {
    const list = [...new Set(shown)].join(', ');
    return name === '' ? list : `${list} (${name})`;
  });
  return groups.join('; ');
}

/** @param {string[]} cells */
const row = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;

/** Of the README: what comes up first. */
export function shortTable() {
  const often = readAnswers().filter(({ isOften }) => isOften);
  const rows = often.map((answer) => row([sight(answer), answer.means, answer.remedy]));
  return `| What you see | What it means | What to do |\n|---|---|---|\n${rows.join('')}`;
}

/** Of docs/supabase.md: all of them. */
export function wholeTable() {
  const rows = readAnswers().map((answer) =>
    row([sight(answer), names(answer), answer.reaction, answer.means, answer.remedy]),
  );
  return `| What you see | \`code\` | \`reaction\` | What it means | What to do |\n|---|---|---|---|---|\n${rows.join('')}`;
}

/** @param {Answer} answer */
const names = ({ codes, seen }) =>
  seen.some((form) => /^code\b/.test(form)) ? 'the same' : codes.map((code) => `\`${code}\``).join(', ');

const START = '<!-- answers:start -->\n';
const END = '<!-- answers:end -->\n';

/**
 * @param {string} document
 * @param {string} table
 * @returns {string} the document with this table between its marks
 */
export function withAnswers(document, table) {
  const [before, rest] = document.split(START);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`a document has no place for the table: ${START}${END}`);
  return `${before}${START}${table}${END}${after}`;
}
