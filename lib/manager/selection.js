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
  /** @type {Test[]} */
  const positive = [];
  /** @type {Test[]} */
  const negative = [];
  for (const word of words) {
    if (typeof word !== 'string' || word === '' || word === '!') {
      throw new TypeError(`A selection's names must be strings that aren't empty, got ${shown(word)}`);
    }
    if (word.startsWith('!')) negative.push(test(word.slice(1), all));
    else positive.push(test(word, all));
  }
  const onlyNegative = positive.length === 0 && negative.length > 0;
  return all.filter(
    (database) =>
      (onlyNegative || positive.some((isMeant) => isMeant(database))) &&
      !negative.some((isMeant) => isMeant(database)),
  );
}

/**
 * @param {string} word without its `!`
 * @param {Candidate[]} all
 * @returns {Test}
 * @throws {Error} for a name that none has
 */
function test(word, all) {
  if (word === 'all') return () => true;
  const [, kind, inside] = /^(tag|group):(.+)$/s.exec(word) ?? [];
  if (kind !== undefined) {
    const matches = pattern(inside);
    const list = kind === 'tag' ? 'tags' : 'groups';
    return (database) => database[list].some((one) => matches(one));
  }
  const isPattern = /[*?]/.test(word);
  if (!isPattern && !all.some(({ name }) => name === word)) {
    throw new Error(`Unknown connection ${shown(word)}. ${knownNames(all)}`);
  }
  const matches = pattern(word);
  return ({ name }) => matches(name);
}

/**
 * @param {string} text in which `*` is any letters and `?` is any one
 * @returns {(name: string) => boolean}
 */
function pattern(text) {
  if (!/[*?]/.test(text)) return (name) => name === text;
  const parts = text
    .split(/([*?])/)
    .map((part) => (part === '*' ? '.*' : part === '?' ? '.' : part.replace(/[\\^$.|+()[\]{}]/g, '\\$&')));
  const whole = new RegExp(`^${parts.join('')}$`, 'su');
  return (name) => whole.test(name);
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
 * The groups of a database: its own, and those of a configuration that name it.
 *
 * @param {Omit<Candidate, 'config'>} database
 * @param {Record<string, string[]>} groups members by the group's name: names, patterns, and `tag:…`
 * @returns {string[]} each once
 */
function groupsOf({ name, tags, groups: own }, groups) {
  const named = Object.keys(groups).filter((group) =>
    groups[group].some((member) => {
      const [, tag] = /^tag:(.+)$/s.exec(member) ?? [];
      return tag === undefined ? pattern(member)(name) : tags.some(pattern(tag));
    }),
  );
  return [...new Set([...own, ...named])];
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

module.exports = { groupsOf, select };
