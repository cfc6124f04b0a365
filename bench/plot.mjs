// Horizontal bar charts as SVG that reads well on light and dark pages. No fonts, scripts or links.

const WIDTH = 860;
const MARGIN = 24;
const LABEL_WIDTH = 150;
const VALUE_WIDTH = 80;
const BAR_HEIGHT = 15;
const BAR_GAP = 3;
const GROUP_GAP = 18;
const HEAD_HEIGHT = 66;

const STYLE = `
  svg { background: #ffffff; font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; }
  text { fill: #24292f; }
  .title { font-size: 18px; font-weight: 600; }
  .muted { fill: #656d76; }
  .group { font-weight: 600; }
  .bar { fill: #b6c2cf; }
  .own { fill: #1f6feb; }
  .limit { fill: #d8dee4; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; }
    text { fill: #e6edf3; }
    .muted { fill: #8d96a0; }
    .bar { fill: #4b5561; }
    .own { fill: #4493f8; }
    .limit { fill: #2d333b; }
  }`;

const LIMITS = new Set(['libpq', 'raw', 'raw-pipelined']);

/**
 * @param {object} chart
 * @param {string} chart.title
 * @param {string} chart.subtitle
 * @param {Array<{ label: string, bars: Array<{ contender: string, label: string, value: number, text: string }> }>}
 *   chart.groups each group has a scale of its own, from 0 to its longest bar
 * @returns {string} an SVG document
 */
export function barChart({ title, subtitle, groups }) {
  const body = [];
  let y = HEAD_HEIGHT;
  for (const { label, bars } of groups) {
    y += GROUP_GAP;
    body.push(text(MARGIN, y, label, 'group'));
    y += 8;
    const longest = Math.max(...bars.map(({ value }) => value));
    for (const bar of bars) {
      body.push(...drawBar(bar, longest, y));
      y += BAR_HEIGHT + BAR_GAP;
    }
  }
  const height = y + MARGIN;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escape(title)}">`,
    `<style>${STYLE}\n</style>`,
    text(MARGIN, 34, title, 'title'),
    text(MARGIN, 54, subtitle, 'muted'),
    ...body,
    '</svg>',
  ].join('\n')}\n`;
}

function drawBar({ contender, label, value, text: shown }, longest, y) {
  const room = WIDTH - 2 * MARGIN - LABEL_WIDTH - VALUE_WIDTH;
  const length = longest > 0 ? Math.max(1, (value / longest) * room) : 1;
  const x = MARGIN + LABEL_WIDTH;
  const kind = contender.startsWith('pgfleet') ? 'own' : LIMITS.has(contender) ? 'limit' : 'bar';
  const baseline = y + BAR_HEIGHT - 3;
  return [
    text(x - 8, baseline, label, 'muted', 'end'),
    `<rect class="${kind}" x="${x}" y="${y}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
    text(x + length + 6, baseline, shown),
  ];
}

function text(x, y, content, className = '', anchor = 'start') {
  const attributes = `${className ? ` class="${className}"` : ''}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}`;
  return `<text x="${Number(x.toFixed(1))}" y="${y}"${attributes}>${escape(content)}</text>`;
}

function escape(content) {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
