// Which layers a Rust file uses: every path that begins at the crate, by `crate` or by enough `super`.

import { moduleOf } from './imports-rust.mjs';
import { rustTokens } from './rust-tokens.mjs';

/**
 * @param {{ file: string, text: string }} source
 * @param {string[]} layers from left to right
 * @param {{ crates: RegExp, except?: string[], only?: string[], why: string }[]} bans
 * @returns {{ file: string, line: number, what: string }[]}
 */
export function rustViolations({ file, text }, layers, bans) {
  const modules = moduleOf(file);
  // lib.rs declares the layers and stands to the right of all of them.
  if (modules.length === 0) return [];
  const layer = modules[0];
  const rank = layers.indexOf(layer);
  if (rank === -1)
    return [{ file, line: 1, what: `src/${layer} is in no layer; the layers are ${layers.join(' < ')}` }];

  const tokens = rustTokens(text);
  const used = crateNames(tokens, modules)
    .filter(({ name }) => layers.indexOf(name) > rank)
    .map(({ name, line }) => ({ file, line, what: `${layer} uses ${name}, which is to its right` }));
  const banned = bans
    .filter(({ except, only }) => (except ? !except.includes(layer) : only.includes(layer)))
    .flatMap(({ crates, why }) =>
      tokens
        .filter(({ kind, value }) => kind === 'name' && crates.test(value))
        .map(({ value, line }) => ({ file, line, what: `${layer} names ${value}: ${why}` })),
    );
  return [...used, ...banned].sort((one, other) => one.line - other.line);
}

/** @returns {{ name: string, line: number }[]} the first name below the crate of every path that starts there */
function crateNames(tokens, modules) {
  const found = [];
  // Modules written inside the file, each with the brace depth at which it ends.
  const inline = [];
  let depth = 0;
  for (let at = 0; at < tokens.length; at += 1) {
    const { value } = tokens[at];
    if (value === '{') {
      depth += 1;
      if (at >= 2 && tokens[at - 2].value === 'mod') inline.push(depth);
    } else if (value === '}') {
      if (inline.at(-1) === depth) inline.pop();
      depth -= 1;
    } else if ((value === 'crate' || value === 'super' || value === 'self') && !isInsidePath(tokens, at)) {
      const end = pathStart(tokens, at, modules.length + inline.length);
      if (end !== undefined) found.push(...firstNames(tokens, end));
    }
  }
  return found;
}

function isInsidePath(tokens, at) {
  return tokens[at - 1]?.value === '::';
}

/** @returns {number | undefined} where the path goes on below the crate; undefined when it doesn't reach it */
function pathStart(tokens, at, depth) {
  let level = depth;
  let next = at;
  for (;;) {
    const { value } = tokens[next];
    if (value === 'crate') level = 0;
    else if (value === 'super') level -= 1;
    else if (value !== 'self') return undefined;
    if (tokens[next + 1]?.value !== '::') return undefined;
    next += 2;
    if (level === 0) return next;
  }
}

/** @returns {{ name: string, line: number }[]} the name at a place, or each first name of a `{…}` group there */
function firstNames(tokens, at) {
  const token = tokens[at];
  if (token?.kind === 'name') return [{ name: token.value, line: token.line }];
  if (token?.value !== '{') return [];
  const names = [];
  let depth = 1;
  for (let next = at + 1; depth > 0 && next < tokens.length; next += 1) {
    const { value, kind, line } = tokens[next];
    if (value === '{') depth += 1;
    else if (value === '}') depth -= 1;
    else if (depth === 1 && kind === 'name' && ['{', ','].includes(tokens[next - 1].value)) {
      names.push({ name: value, line });
    }
  }
  return names;
}
