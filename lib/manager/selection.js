'use strict';

const { shown } = require('../pg/settings/settings');

/**
 * Which databases are meant: a name, a pattern such as `app*`, `tag:…`, `group:…`, each with a `!` before it for all
 * but these; a list of such words; `'all'`; or a function that says it of each.
 *
 * @typedef {string | string[] | ((database: Candidate) => boolean)} Selection
 */

/**
 * What a selection sees of a database.
 *
 * @typedef {object} Candidate
 * @property {string} name
 * @property {import('../config/expansion').DatabaseConfig} config
 * @property {string[]} tags
 * @property {string[]} groups
 */

/** @typedef {(database: Candidate) => boolean} Test */

/** The most names that a message lists. */
const MOST_NAMES = 20;

/**
 * @param {unknown} selection
 * @param {Iterable<Candidate>} databases
 * @returns {Candidate[]} those that are selected, in their own order; at least one
 * @throws {TypeError} for what is no selection
 * @throws {Error} for a name that none has, and when there is none
 */
function select(selection, databases) {
  const all = [...databases];
  const selected = matching(selection, all);
  if (selected.length > 0) return selected;
  throw new Error(`The selection ${described(selection)} matches no database. ${knownNames(all)}`);
}

/**
 * As {@link select}, but it may be none.
 *
 * @param {unknown} selection
 * @param {Candidate[]} all
 * @returns {Candidate[]}
 */
function matching(selection, all) {
  if (typeof selection === 'function') return all.filter((database) => agrees(selection, database));
  const words = typeof selection === 'string' ? [selection] : selection;
  if (!Array.isArray(words)) {
    throw new TypeError(
      `A selection of databases must be a name, a pattern, an array of them or a function, got ${shown(selection)}`,
    );
  }
  checkWords(words, all);
  const positive = words.filter((word) => !word.startsWith('!'));
  const negative = words.filter((word) => word.startsWith('!')).map((word) => word.slice(1));
  // Only negative ones mean all but these.
  const isMeant = test(positive.length === 0 && negative.length > 0 ? ['all'] : positive);
  const isLeftOut = test(negative);
  return all.filter((database) => isMeant(database) && !isLeftOut(database));
}

/**
 * @param {unknown[]} words
 * @param {Candidate[]} all
 * @returns {asserts words is string[]}
 * @throws {TypeError} for what is no word
 * @throws {Error} for a name that none has
 */
function checkWords(words, all) {
  const names = new Set(all.map(({ name }) => name));
  for (const word of words) {
    if (typeof word !== 'string' || word === '' || word === '!') {
      throw new TypeError(`A selection's names must be strings that aren't empty, got ${shown(word)}`);
    }
    const meant = word.startsWith('!') ? word.slice(1) : word;
    if (meant === 'all' || KIND.test(meant) || isPattern(meant) || names.has(meant)) continue;
    throw new Error(`Unknown connection ${shown(meant)}. ${knownNames(all)}`);
  }
}

/** A word that means a label. */
const KIND = /^(tag|group):(.+)$/s;

/**
 * @param {string[]} words without their `!`
 * @returns {Test} whether one of them means a database
 */
function test(words) {
  const labels = (/** @type {string} */ kind) =>
    anyOf(words.map((word) => KIND.exec(word)).flatMap((found) => (found?.[1] === kind ? [found[2]] : [])));
  if (words.includes('all')) return () => true;
  const [isName, isTag, isGroup] = [
    anyOf(words.filter((word) => !KIND.test(word))),
    labels('tag'),
    labels('group'),
  ];
  return ({ name, tags, groups }) => isName(name) || tags.some(isTag) || groups.some(isGroup);
}

/**
 * Whether a name is one of many. It takes no longer for more of them, as far as they are no patterns: there may be
 * thousands of databases, each of which is asked about.
 *
 * @param {string[]} words names and patterns
 * @returns {(name: string) => boolean}
 */
function anyOf(words) {
  const names = new Set(words);
  const patterns = words.filter(isPattern).map((word) => [...word]);
  return (name) => names.has(name) || (patterns.length > 0 && patterns.some((one) => fits(one, [...name])));
}

/** @param {string} word */
function isPattern(word) {
  return /[*?]/.test(word);
}

/**
 * @param {string[]} pattern letters, of which `*` is any number of any, and `?` is any one
 * @param {string[]} name letters
 */
function fits(pattern, name) {
  let at = 0;
  let star = -1;
  let behindStar = 0;
  for (let letter = 0; letter < name.length;) {
    if (pattern[at] === '*') {
      star = at;
      behindStar = letter;
      at += 1;
    } else if (pattern[at] === '?' || pattern[at] === name[letter]) {
      at += 1;
      letter += 1;
    } else if (star >= 0) {
      // The last star takes one letter more.
      behindStar += 1;
      letter = behindStar;
      at = star + 1;
    } else {
      return false;
    }
  }
  return pattern.slice(at).every((one) => one === '*');
}

/**
 * @param {Function} choose
 * @param {Candidate} database
 * @returns {boolean}
 */
function agrees(choose, { name, config, tags, groups }) {
  const answer = choose({ name, config, tags: [...tags], groups: [...groups] });
  if (typeof answer?.then === 'function') {
    // What it comes to counts for nothing.
    answer.then(undefined, () => {});
    throw new TypeError('A function that selects databases must answer at once, not by a promise');
  }
  return Boolean(answer);
}

/**
 * How the groups of a database are found: its own, and those of a configuration that name it.
 *
 * @param {Record<string, string[]>} groups members by the group's name: names, patterns, and `tag:…`
 * @returns {(database: Omit<Candidate, 'config'>) => string[]} gives each once
 */
function groupsBy(groups) {
  const tests = Object.entries(groups).map(([group, members]) => {
    const isTag = (/** @type {string} */ member) => /^tag:./s.test(member);
    const hasName = anyOf(members.filter((member) => !isTag(member)));
    const hasTag = anyOf(members.filter(isTag).map((member) => member.slice('tag:'.length)));
    return { group, hasName, hasTag };
  });
  return ({ name, tags, groups: own }) => {
    const named = tests.filter(({ hasName, hasTag }) => hasName(name) || tags.some(hasTag));
    return [...new Set([...own, ...named.map(({ group }) => group)])];
  };
}

/** @param {unknown} selection */
function described(selection) {
  if (typeof selection === 'function') return 'by a function';
  const words = Array.isArray(selection) ? selection : [selection];
  return words.length === 0 ? 'of no names' : words.slice(0, MOST_NAMES).map(shown).join(', ');
}

/** @param {Candidate[]} all */
function knownNames(all) {
  if (all.length === 0) return 'No connections are known.';
  const names = all.slice(0, MOST_NAMES).map(({ name }) => shown(name));
  const more = all.length > MOST_NAMES ? `, and ${all.length - MOST_NAMES} more` : '';
  return `Known connections: ${names.join(', ')}${more}.`;
}

module.exports = { groupsBy, select };
