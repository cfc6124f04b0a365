// What manager.diagnose can find, in docs/doctor.md and README.md, from the file that its texts are made of.

import { readAnswers } from './answers.mjs';
import { readRecords, readText, sight, table, withoutFacts } from './records.mjs';

/**
 * @typedef {object} Cause
 * @property {string} code
 * @property {string} check the check that fails or warns; empty where none does
 * @property {string} sight what a program sees without the diagnosis
 * @property {string} told how it is told from others
 * @property {string} means
 * @property {string} remedy
 * @property {boolean} isOften
 * @property {import('./answers.mjs').Answer[]} answers of Supabase's poolers that have this cause
 */

/**
 * @param {string} [text] as in src/diagnose/causes.txt, which says what stands in it
 * @returns {Cause[]}
 */
export function readCauses(text = readText('src/diagnose/causes.txt')) {
  const answers = readAnswers();
  return readRecords(text).map(({ one }) => ({
    code: one('cause'),
    check: one('check'),
    sight: one('sight'),
    told: one('told'),
    means: withoutFacts(one('means')),
    remedy: withoutFacts(one('do')),
    isOften: one('often') === 'yes',
    answers: answers.filter(({ cause }) => cause === one('cause')),
  }));
}

/** Of the README: what comes up first. */
export function shortList() {
  const often = readCauses().filter(({ isOften }) => isOften);
  return table(
    ['What you see', 'What it means', 'What to do'],
    often.map((cause) => [cause.sight, cause.means, cause.remedy]),
  );
}

/** The checks in their order, as `name` of a check and as a heading. */
const CHECKS = [
  'configuration',
  'resolve',
  'connect',
  'ssl-request',
  'tls',
  'startup',
  'authentication',
  'session',
];

/** Of docs/doctor.md: all of them, by the check that finds them. */
export function wholeList() {
  const causes = readCauses();
  const others = causes.filter(({ check }) => !CHECKS.includes(check));
  const groups = [
    ...CHECKS.map((check) => ({
      title: `\`${check}\``,
      all: causes.filter((cause) => cause.check === check),
    })),
    { title: 'Any check, or none', all: others },
  ];
  return groups.map(({ title, all }) => `\n### ${title}\n${all.map(section).join('')}`).join('') + '\n';
}

/** @param {Cause} cause */
function section({ code, sight: seenByPrograms, told, means, remedy, answers }) {
  const seen = [seenByPrograms, ...answers.map((answer) => sight(answer.codes, answer.seen))].filter(Boolean);
  // A cause without texts has those of the answers that lead to it.
  const texts = means === '' ? answers : [{ means, remedy }];
  const lines = [
    ...(seen.length === 0 ? [] : [`- **Seen without it:** ${seen.join('; ')}.`]),
    `- **Told** ${told}.`,
    ...texts.map(
      (text) => `- **Means:** ${text.means}${text.remedy === '' ? '' : ` **To do:** ${text.remedy}`}`,
    ),
  ];
  return `\n#### \`${code}\`\n\n${lines.join('\n')}\n`;
}
