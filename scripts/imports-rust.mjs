// Which file of the crate each Rust file takes names from: every path that starts at `crate`, `self` or `super`, and
// every `use` of a child, followed through re-exports to the file that defines what is named.

import { rustTokens } from './rust-tokens.mjs';

/**
 * @typedef {object} Import
 * @property {string} file the file that takes
 * @property {string} used the file that is taken from
 * @property {string} name what is taken
 * @property {number} line
 */

/**
 * Tests are left out: `mod`s under `#[cfg(test)]`, in the file or in files of their own. `mod` declarations are no
 * imports.
 *
 * @param {{ file: string, text: string }[]} sources all files of one crate below src/
 * @returns {Import[]}
 */
export function rustImports(sources) {
  const modules = new Map(sources.map((source) => [moduleOf(source.file).join('::'), readModule(source)]));
  for (const [name, { testModules }] of modules) {
    for (const test of testModules) modules.delete(name ? `${name}::${test}` : test);
  }
  return [...modules].flatMap(([name, module]) =>
    module.paths.flatMap(({ segments, line }) => {
      const target = resolve(modules, absolute(name, segments));
      return target && target.file !== module.file
        ? [{ file: module.file, used: target.file, name: segments.at(-1), line }]
        : [];
    }),
  );
}

/** @returns {string[]} module path of a file: src/sql/scan.rs is ['sql', 'scan'], src/lib.rs is [] */
export function moduleOf(file) {
  const parts = file
    .replace(/^.*?src\//, '')
    .replace(/\.rs$/, '')
    .split('/');
  return ['mod', 'lib', 'main'].includes(parts.at(-1)) ? parts.slice(0, -1) : parts;
}

/** What one file names: paths as written, its re-exports by name, and its test modules. */
function readModule({ file, text }) {
  const tokens = withoutTests(rustTokens(text));
  const children = new Set();
  const paths = [];
  const exported = new Map();
  for (let at = 0; at < tokens.kept.length; at += 1) {
    const { value, line } = tokens.kept[at];
    const before = tokens.kept[at - 1]?.value;
    // `pub(in crate::room)` says what may take from here, and takes nothing.
    const isVisibility = before === 'in' && tokens.kept[at - 2]?.value === '(';
    if (value === 'mod' && tokens.kept[at + 2]?.value === ';') children.add(tokens.kept[at + 1].value);
    else if (value === 'use') {
      const tree = useTree(tokens.kept, at + 1);
      for (const leaf of tree.leaves) {
        paths.push(leaf);
        if (before === 'pub' || before === ')') exported.set(leaf.alias, leaf.segments);
      }
      at = tree.end;
    } else if (
      ['crate', 'self', 'super'].includes(value) &&
      !isVisibility &&
      before !== '::' &&
      before !== '('
    ) {
      const segments = plainPath(tokens.kept, at);
      if (segments.length > 1) paths.push({ segments, line });
    } else if (['crate', 'super'].includes(value) && before === '(' && tokens.kept[at + 1]?.value === '::') {
      paths.push({ segments: plainPath(tokens.kept, at), line });
    }
  }
  // A `use` of a name that is neither a keyword nor a child is of another crate, or of a macro in the file.
  const isOurs = (segments) => /^(crate|self|super)$/.test(segments[0]) || children.has(segments[0]);
  for (const [alias, segments] of exported) if (!isOurs(segments)) exported.delete(alias);
  return {
    file,
    exported,
    testModules: tokens.testModules,
    paths: paths.filter(({ segments }) => isOurs(segments)),
  };
}

/** Drops what stands under `#[cfg(test)]` up to the end of that item. */
function withoutTests(tokens) {
  const kept = [];
  const testModules = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const isTest = ['#', '[', 'cfg', '(', 'test', ')', ']'].every(
      (value, i) => tokens[at + i]?.value === value,
    );
    if (!isTest) {
      kept.push(tokens[at]);
      continue;
    }
    at += 7;
    const start = at;
    let depth = 0;
    while (at < tokens.length) {
      const { value } = tokens[at];
      if (value === '{') depth += 1;
      if (value === '}') depth -= 1;
      if (depth === 0 && (value === ';' || value === '}')) break;
      at += 1;
    }
    const named = tokens.findIndex(({ value }, i) => i >= start && i < at && value === 'mod');
    if (named !== -1) testModules.push(tokens[named + 1].value);
  }
  return { kept, testModules };
}

/** @returns {string[]} a path in an expression or type, as far as names go */
function plainPath(tokens, start) {
  const segments = [tokens[start].value];
  let at = start + 1;
  while (tokens[at]?.value === '::' && tokens[at + 1]?.kind === 'name') {
    segments.push(tokens[at + 1].value);
    at += 2;
  }
  return segments;
}

/** @returns {{ leaves: { segments: string[], alias: string, line: number }[], end: number }} the names of a `use` */
function useTree(tokens, start) {
  const leaves = [];
  let at = start;
  const read = (prefix) => {
    const segments = [...prefix];
    for (;;) {
      const { value, line } = tokens[at];
      if (value === '{') {
        at += 1;
        while (tokens[at].value !== '}') {
          read(segments);
          if (tokens[at].value === ',') at += 1;
        }
        at += 1;
        return;
      }
      if (value !== '::') segments.push(value);
      at += 1;
      if (tokens[at].value === '::') continue;
      if (value === '::') continue;
      if (value === 'self' && segments.length > 1) segments.pop();
      let alias = segments.at(-1);
      if (tokens[at].value === 'as') {
        alias = tokens[at + 1].value;
        at += 2;
      }
      leaves.push({ segments, alias, line });
      return;
    }
  };
  read([]);
  return { leaves, end: at };
}

/** @returns {string[]} the path from the crate's root on */
function absolute(name, segments) {
  let place = name ? name.split('::') : [];
  let at = 0;
  if (segments[0] === 'crate') {
    place = [];
    at = 1;
  }
  while (segments[at] === 'self' || segments[at] === 'super') {
    if (segments[at] === 'super') place = place.slice(0, -1);
    at += 1;
  }
  return [...place, ...segments.slice(at)];
}

/** The module whose file defines what a path names. */
function resolve(modules, path) {
  let place = '';
  for (let at = 0; at < path.length; at += 1) {
    const inner = place ? `${place}::${path[at]}` : path[at];
    if (modules.has(inner)) {
      place = inner;
      continue;
    }
    const exported = modules.get(place)?.exported.get(path[at]);
    return exported
      ? resolve(modules, [...absolute(place, exported), ...path.slice(at + 1)])
      : modules.get(place);
  }
  return modules.get(place);
}
