// Puts the outcome of the matrix into README.md, between its two marks.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../targets.mjs';

const START = '<!-- matrix:begin -->';
const END = '<!-- matrix:end -->';

/**
 * @param {{ title: string, rows: { name: string, version?: string, failure?: string }[] }[]} kinds
 * @param {{ node: string, postgres: number }} machine
 */
export function writeTable(kinds, { node, postgres }) {
  const file = path.join(root, 'README.md');
  const readme = readFileSync(file, 'utf8');
  const [from, to] = [readme.indexOf(START), readme.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`README.md has no ${START} … ${END}`);
  const lines = kinds.flatMap(({ title, rows }) =>
    rows.map(
      ({ name, version, failure }) =>
        `| ${title} | ${name} | ${failure === undefined ? version : '**fails**'} |`,
    ),
  );
  const text = [
    `Run with PostgreSQL ${postgres} on ${process.platform} ${process.arch}, and with Node ${node} where no other is named.`,
    '',
    '| | | Run with |',
    '|---|---|---|',
    ...lines,
  ].join('\n');
  writeFileSync(file, `${readme.slice(0, from + START.length)}\n${text}\n${readme.slice(to)}`);
}
