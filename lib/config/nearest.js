'use strict';

/**
 * How many letters have to be changed, added, left out or swapped with their neighbour to make one word the other.
 *
 * @param {string} one
 * @param {string} other
 * @returns {number}
 */
function distance(one, other) {
  /** @type {number[][]} the distances between all beginnings of both, by their lengths */
  const table = [Array.from({ length: other.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= one.length; row += 1) {
    table[row] = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      table[row][column] = Math.min(
        table[row - 1][column] + 1,
        table[row][column - 1] + 1,
        table[row - 1][column - 1] + (isSame ? 0 : 1),
        isSwapped ? table[row - 2][column - 2] + 1 : Infinity,
      );
    }
  }
  return table[one.length][other.length];
}

/** The most letters of a word that are compared. */
const MOST_LETTERS = 60;

/** @param {string} word that may be written in another style, as `db_password` or `DB-Password` */
function plain(word) {
  return word.slice(0, MOST_LETTERS).toLowerCase().replace(/[-_ ]/g, '');
}

/**
 * The known word that a word was most likely meant to be.
 *
 * @param {string} word
 * @param {Iterable<string>} known
 * @returns {string | undefined} undefined when none is known
 */
function nearest(word, known) {
  let best;
  let least = Infinity;
  for (const one of known) {
    const letters = distance(plain(word), plain(one));
    if (letters < least) [best, least] = [one, letters];
  }
  return best;
}

module.exports = { nearest };
