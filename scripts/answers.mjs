// The tables of what Supabase's poolers and databases answer, in README.md and docs/supabase.md, from the file that the
// hints of errors are made of.

import { readRecords, readText, sight, table, withoutFacts } from './records.mjs';

/**
 * @typedef {object} Answer
 * @property {string[]} codes
 * @property {string[]} seen
 * @property {string} reaction
 * @property {string} cause what a diagnosis names it; empty where the answer isn't enough to tell
 * @property {string} means
 * @property {string} remedy
 * @property {boolean} isOften
 */

/**
 * @param {string} [text] as in src/supabase/answers.txt, which says what stands in it
 * @returns {Answer[]}
 */
export function readAnswers(text = readText('src/supabase/answers.txt')) {
  return readRecords(text).map(({ all, one }) => ({
    codes: one('codes').split(', '),
    seen: all('seen'),
    reaction: one('reaction'),
    cause: one('cause'),
    means: withoutFacts(one('means')),
    remedy: withoutFacts(one('do')),
    isOften: one('often') === 'yes',
  }));
}

/** Of the README: what comes up first. */
export function shortTable() {
  const often = readAnswers().filter(({ isOften }) => isOften);
  return table(
    ['What you see', 'What it means', 'What to do'],
    often.map(({ codes, seen, means, remedy }) => [sight(codes, seen), means, remedy]),
  );
}

/** Of docs/supabase.md: all of them. */
export function wholeTable() {
  return table(
    ['What you see', '`code`', '`reaction`', 'What it means', 'What to do'],
    readAnswers().map((answer) => [
      sight(answer.codes, answer.seen),
      names(answer),
      answer.reaction,
      answer.means,
      answer.remedy,
    ]),
  );
}

/** @param {Answer} answer */
const names = ({ codes, seen }) =>
  seen.some((form) => /^code\b/.test(form)) ? 'the same' : codes.map((code) => `\`${code}\``).join(', ');
