'use strict';

/** Random numbers that are the same for the same seed (mulberry32). */
class Random {
  #state;

  /** @param {string | number} seed */
  constructor(seed) {
    this.seed = seed;
    this.#state = hash(String(seed));
  }

  /** A generator of its own for a part of the program, so that one part's draws don't move another's. */
  fork(name) {
    return new Random(`${this.seed}/${name}`);
  }

  /** @returns {number} from 0 up to 1 */
  fraction() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @returns {number} a whole number from `least` to `most` */
  between(least, most) {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  /** @returns {number} a whole number from 1 to `most`, each order of magnitude as likely as the next */
  magnitude(most) {
    return Math.ceil(most ** this.fraction());
  }

  chance(probability) {
    return this.fraction() < probability;
  }

  pick(list) {
    return list[this.between(0, list.length - 1)];
  }

  /** @param {{ weight: number }[]} list */
  pickByWeight(list) {
    let at = this.fraction() * list.reduce((sum, { weight }) => sum + weight, 0);
    for (const one of list) {
      at -= one.weight;
      if (at < 0) return one;
    }
    return list[list.length - 1];
  }
}

// FNV-1a
function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}

module.exports = { Random };
