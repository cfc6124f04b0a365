// Which rooms a JavaScript file uses: what it requires or imports by a relative path.

import path from 'node:path';
import ts from 'typescript';

/**
 * @param {{ file: string, text: string }} source
 * @param {{ name: string, files: RegExp }[]} rooms from left to right
 * @param {{ file: string, keeper: string }[]} doors files that only one other file may require
 * @returns {{ file: string, line: number, what: string }[]}
 */
export function javascriptViolations({ file, text }, rooms, doors) {
  const rank = rankOf(file, rooms);
  if (rank === -1) return [{ file, line: 1, what: 'is in no room; give it one in scripts/layers.mjs' }];
  const found = [];
  for (const { fileName, pos } of ts.preProcessFile(text, true, true).importedFiles) {
    if (!fileName.startsWith('.')) continue;
    const line = text.slice(0, pos).split('\n').length;
    const used = path.posix.join(path.posix.dirname(file), fileName);
    const usedFile = [used, `${used}.js`, `${used}/index.js`].find((one) => rankOf(one, rooms) !== -1);
    if (!usedFile) continue;
    const usedRank = rankOf(usedFile, rooms);
    if (usedRank > rank) {
      found.push({
        file,
        line,
        what: `${rooms[rank].name} uses ${usedFile} of ${rooms[usedRank].name}, to its right`,
      });
    }
    const door = doors.find((one) => one.file === usedFile);
    if (door && door.keeper !== file)
      found.push({ file, line, what: `only ${door.keeper} may use ${usedFile}` });
  }
  return found;
}

function rankOf(file, rooms) {
  return rooms.findIndex(({ files }) => files.test(file));
}
