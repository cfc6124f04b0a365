// Tables of text that the addon's words and the documents are both made of (src/supabase/answers.txt,
// src/diagnose/causes.txt), and the tables in Markdown that come from them.

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
 * @param {string} file
 * @returns {string}
 */
export const readText = (file) => readFileSync(path.join(root, file), 'utf8');

/**
 * @typedef {object} TextRecord
 * @property {(key: string) => string[]} all the values of a key, each on one line
 * @property {(key: string) => string} one its only value, or an empty text
 */

/**
 * @param {string} text of a file; the file says at its beginning what stands in it
 * @returns {TextRecord[]}
 */
export function readRecords(text) {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  const records = lines.join('\n').split(/\n{2,}/);
  return records.map((record) => record.trim()).flatMap((record) => (record === '' ? [] : [parsed(record)]));
}

/** @param {string} record */
function parsed(record) {
  const entries = record
    .split(/\n(?! )/)
    .map((line) => /** @type {RegExpExecArray} */ (/^(\w+): ([^]*)$/.exec(line)));
  const all = (/** @type {string} */ key) =>
    entries.filter(([, name]) => name === key).map(([, , value]) => value.replace(/\n */g, ' '));
  return { all, one: (/** @type {string} */ key) => all(key).join(' ') };
}

/** The words of `{fact|words}`, which stand where the fact isn't known. */
export const withoutFacts = (/** @type {string} */ template) => template.replace(/\{\w+\|([^}]*)\}/g, '$1');

/**
 * @param {string[]} codes the codes that a form `code` stands for
 * @param {string[]} seen
 * @returns {string} what a program or its user gets to see
 */
export function sight(codes, seen) {
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

/**
 * @param {string[]} titles
 * @param {string[][]} rows
 * @returns {string} a table in Markdown
 */
export function table(titles, rows) {
  const row = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return `${row(titles)}|${titles.map(() => '---|').join('')}\n${rows.map(row).join('')}`;
}

/**
 * @param {string} document
 * @param {string} name of the marks, as `<!-- NAME:start -->`
 * @param {string} text
 * @returns {string} the document with this text between its marks
 */
export function withPart(document, name, text) {
  const [start, end] = [`<!-- ${name}:start -->\n`, `<!-- ${name}:end -->\n`];
  const [before, rest] = document.split(start);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`a document has no place for what is generated: ${start}${end}`);
  return `${before}${start}${text}${end}${after}`;
}
