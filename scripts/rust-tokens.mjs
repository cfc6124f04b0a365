// Rust's text without its comments, literals and white space: names and marks, each with its line.

const TOKEN = new RegExp(
  [
    String.raw`(?<space>\s+)`,
    String.raw`(?<line>//[^\n]*)`,
    String.raw`(?<block>/\*)`,
    String.raw`(?<raw>(?:b|c)?r(?<hashes>#*)")`,
    String.raw`(?<string>(?:b|c)?"(?:\\[\s\S]|[^"\\])*")`,
    String.raw`(?<char>b?'(?:\\(?:u\{[^}]*\}|x[0-9a-fA-F]{2}|.)|[^'\\\n])')`,
    String.raw`(?<lifetime>'[A-Za-z_]\w*)`,
    String.raw`(?<name>(?:r#)?[\p{L}_][\p{L}\p{N}_]*)`,
    String.raw`(?<number>\d[\w.]*)`,
    String.raw`(?<mark>::|[\s\S])`,
  ].join('|'),
  'yu',
);

/**
 * @param {string} text
 * @returns {{ kind: 'name' | 'mark', value: string, line: number }[]}
 */
export function rustTokens(text) {
  const tokens = [];
  let line = 1;
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const { 0: matched, groups } = TOKEN.exec(text);
    let end = at + matched.length;
    if (groups.block !== undefined) end = afterBlockComment(text, at);
    else if (groups.raw !== undefined) end = afterRawString(text, end, groups.hashes);
    else if (groups.name !== undefined)
      tokens.push({ kind: 'name', value: matched.replace(/^r#/, ''), line });
    else if (groups.mark !== undefined) tokens.push({ kind: 'mark', value: matched, line });
    line += text.slice(at, end).split('\n').length - 1;
    at = end;
  }
  return tokens;
}

/** Block comments nest in Rust. */
function afterBlockComment(text, start) {
  const edges = /\/\*|\*\//g;
  edges.lastIndex = start;
  let depth = 0;
  for (let edge = edges.exec(text); edge; edge = edges.exec(text)) {
    depth += edge[0] === '/*' ? 1 : -1;
    if (depth === 0) return edges.lastIndex;
  }
  return text.length;
}

function afterRawString(text, start, hashes) {
  const end = text.indexOf(`"${hashes}`, start);
  return end === -1 ? text.length : end + 1 + hashes.length;
}
