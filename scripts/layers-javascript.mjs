// Which layers a JavaScript file uses: what it requires or imports by a relative path.

import path from 'node:path';
import ts from 'typescript';

/**
 * @param {{ file: string, text: string }} source
 * @param {{ name: string, files: RegExp }[]} layers from left to right
 * @param {{ file: string, keeper: string }[]} privateFiles files that only one other file may require
 * @returns {{ file: string, line: number, what: string }[]}
 */
export function javascriptViolations({ file, text }, layers, privateFiles) {
  const rank = rankOf(file, layers);
  if (rank === -1) return [{ file, line: 1, what: 'is in no layer; give it one in scripts/layers.mjs' }];
  const found = [];
  for (const { fileName, pos } of ts.preProcessFile(text, true, true).importedFiles) {
    if (!fileName.startsWith('.')) continue;
    const line = text.slice(0, pos).split('\n').length;
    const used = path.posix.join(path.posix.dirname(file), fileName);
    const usedFile = [used, `${used}.js`, `${used}/index.js`].find((one) => rankOf(one, layers) !== -1);
    if (!usedFile) continue;
    const usedRank = rankOf(usedFile, layers);
    if (usedRank > rank) {
      found.push({
        file,
        line,
        what: `${layers[rank].name} uses ${usedFile} of ${layers[usedRank].name}, to its right`,
      });
    }
    const rule = privateFiles.find((one) => one.file === usedFile);
    if (rule && rule.keeper !== file)
      found.push({ file, line, what: `only ${rule.keeper} may use ${usedFile}` });
  }
  return found;
}

function rankOf(file, layers) {
  return layers.findIndex(({ files }) => files.test(file));
}
