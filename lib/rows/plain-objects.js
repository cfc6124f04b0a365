'use strict';

// Source text that makes objects and arrays like those of JSON.parse, for functions that are generated.
//
// V8 counts, for each literal, how many of its objects survive a scavenge, and allocates in the old generation when
// many do. That suits rows of a large result, which get there anyway. With smaller results it leaves garbage in the old
// generation that keeps all its values alive until the next full collection, so that scavenges copy dead values. For
// constructors and rest parameters it doesn't count (docs/decisions/0014).

/** The array of its arguments, which generated code calls by this name. */
const list = (/** @type {unknown[]} */ ...items) => items;

/**
 * @typedef {object} Maker
 * @property {string} source what stands before the function's text
 * @property {(properties: [string, string][]) => string} object
 *   the expression of a new object, from names, of which the last of equals counts, and expressions of values
 * @property {(values: string[]) => string} array the expression of a new array, from those of its values
 */

/** @type {Maker} makes objects that V8 may allocate in the old generation */
const literals = {
  source: '',
  object: (properties) => `{ ${properties.map(property).join(', ')} }`,
  array: (values) => `[${values.join(', ')}]`,
};

/** @param {[string, string]} property */
function property([name, value]) {
  // Only a computed `__proto__` is a property like others.
  return name === '__proto__' ? `['__proto__']: ${value}` : `${JSON.stringify(name)}: ${value}`;
}

/** @implements {Maker} */
class Constructors {
  constructor() {
    this.source = '';
    this._count = 0;
  }

  /**
   * @param {[string, string][]} properties
   * @returns {string}
   */
  object(properties) {
    // Assigning to what the prototype has could meet a setter, or a property that was frozen.
    if (properties.length === 0 || properties.some(([name]) => name in Object.prototype)) {
      return literals.object(properties);
    }
    const constructor = `Plain${this._count++}`;
    const parameters = properties.map((_, i) => `p${i}`).join(', ');
    const assignments = properties.map(([name], i) => `this[${JSON.stringify(name)}] = p${i};`).join(' ');
    // Debuggers and heap snapshots show the function's own name.
    this.source += `const ${constructor} = function Object(${parameters}) { ${assignments} };
${constructor}.prototype = Object.prototype;
`;
    return `new ${constructor}(${properties.map(([, value]) => value).join(', ')})`;
  }

  /**
   * @param {string[]} values
   * @returns {string}
   */
  array(values) {
    return `list(${values.join(', ')})`;
  }
}

module.exports = { Constructors, literals, list };
