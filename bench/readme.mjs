// Puts the newest results into the README, between its two marks: node bench/readme.mjs

import fs from 'node:fs';
import { grouped, plural } from './report.mjs';

const README = new URL('../README.md', import.meta.url);
const RESULTS = new URL('./results/results.json', import.meta.url);
const START = '<!-- bench:start -->';
const END = '<!-- bench:end -->';

const COLUMNS = ['pg', 'pg-native', 'postgres', 'bun', 'pgfleet'];
const PLOTS = {
  queries: 'Rates of queries and connections, against pg',
  rows: 'Rates of rows, against pg',
  'javascript-thread': 'CPU time of the JavaScript thread, against pg',
  network: 'executeDDL and addConnection behind a network',
  more: 'Rates of other workloads, against pg',
};

/** @param {object} run what run.mjs has collected @returns {string} Markdown */
function section({ began, machine, server, options, contenders, workloads }) {
  const columns = contenders.filter(({ name }) => COLUMNS.includes(name));
  // Plots have one mode of each workload, the table all that were measured.
  const plotted = new Set(workloads.filter(({ chart }) => chart).map(({ name }) => name));
  const rows = workloads.filter(({ name }) => plotted.has(name)).map((workload) => row(workload, columns));
  const versions = columns.map(({ title, version }) => `${title} ${version}`).join(', ');
  return `${[
    `Against \`pg\`, more is faster; medians of ${options.rounds} rounds on ${machine.cpu}, ${machine.cpus} CPUs, PostgreSQL`,
    `${server.version}, Node ${machine.node}, ${began.slice(0, 10)} (${versions}).`,
    '*Pinned*: client and server on one CPU; *free*: wherever the system puts them.',
    '',
    `| | | ${columns.map(({ title }) => title).join(' | ')} |`,
    `| --- | --- |${columns.map(() => ' ---: |').join('')}`,
    ...rows,
    '',
    'All figures, with their spread, CPU time, memory and event-loop gaps: [bench/results/results.md](bench/results/results.md).',
    '',
    ...Object.entries(PLOTS)
      .filter(([name]) => fs.existsSync(new URL(`./results/${name}.svg`, import.meta.url)))
      .map(([name, text]) => `![${text}](bench/results/${name}.svg)\n`),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function row({ title, mode, unit, lines }, columns) {
  const cells = columns.map(({ name }) => {
    const line = lines.find(({ contender }) => contender === name);
    if (!line) return '';
    if (name === 'pg') return `${grouped(line.rate.median)} ${plural(unit)}/s`;
    return name === 'pgfleet' ? `**${line.ratio.toFixed(2)}**` : line.ratio.toFixed(2);
  });
  return `| ${title} | ${mode} | ${cells.join(' | ')} |`;
}

const readme = fs.readFileSync(README, 'utf8');
const from = readme.indexOf(START);
const to = readme.indexOf(END);
if (from < 0 || to < from) throw new Error(`README.md has no ${START} … ${END}`);
const run = JSON.parse(fs.readFileSync(RESULTS, 'utf8'));
fs.writeFileSync(README, `${readme.slice(0, from + START.length)}\n${section(run)}${readme.slice(to)}`);
