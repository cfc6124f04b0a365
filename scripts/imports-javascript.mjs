// Which file of the package each JavaScript file requires or imports by a relative path.

import path from 'node:path';
import ts from 'typescript';

/**
 * @param {{ file: string, text: string }[]} sources
 * @returns {import('./imports-rust.mjs').Import[]}
 */
export function javascriptImports(sources) {
  const files = new Set(sources.map(({ file }) => file));
  return sources.flatMap(({ file, text }) =>
    ts.preProcessFile(text, true, true).importedFiles.flatMap(({ fileName, pos }) => {
      if (!fileName.startsWith('.')) return [];
      const place = path.posix.join(path.posix.dirname(file), fileName);
      const used = [place, `${place}.js`, `${place}/index.js`].find((one) => files.has(one));
      const line = text.slice(0, pos).split('\n').length;
      return used && used !== file ? [{ file, used, name: path.posix.basename(used), line }] : [];
    }),
  );
}
