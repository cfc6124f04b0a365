// Refuses types that say nothing: `any` in the JSDoc and the declarations of lib/.
//
//   node scripts/any-types.mjs [folder]

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { readDeclarations, readSources } from './layers.mjs';
import { root } from './targets.mjs';

/**
 * @param {string} directory the package's folder
 * @returns {string[]} the lines that say `any` as a type, by file and line
 */
export function linesOfAny(directory) {
  return [...readSources(directory), ...readDeclarations(directory)]
    .filter(({ file }) => file.startsWith('lib/') && !file.endsWith('.mjs'))
    .flatMap(({ file, text }) => linesOf(file, text).map((line) => `${file}:${line}: says any`));
}

function linesOf(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lines = new Set();
  const visit = (node) => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) {
      lines.add(source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1);
    }
    // With what stands in comments, which `forEachChild` passes over.
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return [...lines];
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = linesOfAny(path.resolve(process.argv[2] ?? root));
  for (const line of found) console.error(line);
  if (found.length > 0) {
    console.error(`${found.length} lines of lib/ say any; name the type, or unknown and narrow it`);
    process.exitCode = 1;
  }
}
