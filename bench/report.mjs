// The results as people read them: tables in Markdown and plots in SVG, from results.json.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { barChart } from './plot.mjs';
import { judge } from './targets.mjs';

const MEGABYTE = 2 ** 20;

/**
 * @param {object} run what run.mjs has collected
 * @param {string} directory
 * @returns {string[]} the files that were written
 */
export function writeReport(run, directory) {
  const files = [['results.md', markdown(run)], ...charts(run)];
  return files.flatMap(([name, contents]) => {
    const file = path.join(directory, name);
    // What this run has nothing to say about mustn't stay behind from another.
    if (contents === null) fs.rmSync(file, { force: true });
    else fs.writeFileSync(file, contents);
    return contents === null ? [] : [file];
  });
}

function markdown(run) {
  return [
    '# Results',
    '',
    ...provenance(run),
    '',
    '## Rate against pg',
    '',
    'Medians of the ratios of all rounds; above 1 is faster than pg. *pinned*: client and server on one CPU; *free*:',
    'wherever the system puts them.',
    '',
    ...overview(run),
    '',
    ...targets(run),
    '## Workload by workload',
    '',
    'Median of the rounds, with the least and the most. *JS thread* is the CPU time of the JavaScript thread,',
    '*CPU* that of the whole process. The gap is how late a timer was, at the worst, while the work went on.',
    '',
    ...run.workloads.flatMap((workload) => [...detail(workload, run), '']),
  ].join('\n');
}

function provenance({ began, machine, server, options, contenders, absent, roundTrips, minutes, workloads }) {
  const settings = Object.entries(server.settings).map(([name, value]) => `${name} ${value}`);
  const sources = new Set(
    workloads.flatMap(({ samples }) => samples.map((one) => one.threadCpuSource)).filter(Boolean),
  );
  return [
    `- ${began.slice(0, 10)}${minutes === undefined ? '' : `, ${minutes} minutes`}; ${options.rounds} rounds, ${options.seconds} s a sample after ${options.warmUpSeconds} s of warming up`,
    ...apart(began, workloads),
    `- ${machine.cpu}, ${machine.cpus} CPUs, ${machine.memory}; ${machine.system}; load before: ${machine.loadBefore}`,
    `- PostgreSQL ${server.version} (${settings.join(', ')}); Node ${machine.node}`,
    `- ${contenders.map(({ title, version }) => `${title} ${version}`).join('; ')}`,
    ...absent.map(({ name, reason }) => `- left out: ${name} (${reason})`),
    ...Object.entries(roundTrips).map(
      ([asked, real]) => `- the proxy for ${asked} ms adds ${real} ms to a round trip`,
    ),
    ...(sources.size > 0 ? [`- CPU of the JavaScript thread from ${[...sources].join(', ')}`] : []),
  ];
}

/** Workloads that later runs (`--update`) have measured. */
function apart(began, workloads) {
  const later = workloads.filter(({ runBegan = began }) => runBegan !== began);
  const runs = [...new Set(later.map(({ runBegan }) => runBegan))].sort();
  return runs.map((one) => {
    const names = later
      .filter(({ runBegan }) => runBegan === one)
      .map(({ name, mode }) => `${name} (${mode})`);
    return `- measured by themselves, on ${one.slice(0, 16).replace('T', ' ')} UTC: ${names.join(', ')}`;
  });
}

function overview({ workloads, contenders }) {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  return [
    row(['workload', 'mode', ...contenders.map(({ title }) => title)]),
    row(['---', '---', ...contenders.map(() => '---:')]),
    ...workloads.map(({ title, mode, lines }) =>
      row([
        title,
        mode,
        ...contenders.map(({ name }) => {
          const line = lines.find(({ contender }) => contender === name);
          return line?.ratio === undefined ? '' : line.ratio.toFixed(2);
        }),
      ]),
    ),
  ];
}

function targets(run) {
  const verdicts = judge(run);
  if (verdicts.length === 0) return [];
  return [
    '## Targets',
    '',
    'What this package wants to reach (`bench/targets.mjs`), and what was measured in this run.',
    '',
    '| target | wanted | measured | |',
    '| --- | ---: | ---: | --- |',
    ...verdicts.map(
      ({ title, wanted, measured, met }) =>
        `| ${title} | ${wanted} | ${measured} | ${met ? 'met' : '**missed**'} |`,
    ),
    '',
  ];
}

function detail({ title, mode, unit, lines, left, faults }, { contenders }) {
  const titleOf = (name) => contenders.find((one) => one.name === name)?.title ?? name;
  return [
    `### ${title} (${mode})`,
    '',
    `| | ${plural(unit)}/s | least – most | each | against pg | CPU a ${unit} | JS thread a ${unit} | peak memory | longest gap | gap, 99 % |`,
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines.map((line) => {
      const { rate, ratio, cpuMicros, threadMicros, peakBytes, longestGapMillis, gap99Millis } = line;
      const cells = [
        titleOf(line.contender),
        grouped(rate.median),
        `${grouped(rate.min)} – ${grouped(rate.max)}`,
        duration(1e6 / rate.median),
        ratio === undefined ? '' : ratio.toFixed(2),
        known(cpuMicros, duration),
        known(threadMicros, duration),
        known(peakBytes, (bytes) => `${(bytes / MEGABYTE).toFixed(0)} MB`),
        known(longestGapMillis, (millis) => `${millis.toFixed(1)} ms`),
        known(gap99Millis, (millis) => `${millis.toFixed(1)} ms`),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
    ...(left.length > 0
      ? [
          '',
          `Without: ${left.map(({ contender, reason }) => `${titleOf(contender)} (${reason})`).join('; ')}.`,
        ]
      : []),
    ...faults.map(({ contender, reason }) => `\nFailed: ${titleOf(contender)}: ${reason}.`),
  ];
}

/** @param {string} unit @returns {string} */
export function plural(unit) {
  if (unit === 'DDL' || unit === 'kB') return unit;
  return unit.endsWith('y') ? `${unit.slice(0, -1)}ies` : `${unit}s`;
}

function known(value, show) {
  return value === null ? '' : show(value);
}

/** @param {number} value @returns {string} with three digits or more, thousands apart */
export function grouped(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

function duration(micros) {
  if (micros >= 1000) return `${(micros / 1000).toFixed(micros >= 100_000 ? 0 : 2)} ms`;
  return `${micros.toFixed(micros >= 100 ? 0 : 2)} µs`;
}

const TITLES = { queries: 'Queries and connections', rows: 'Many rows', more: 'More workloads' };

function charts(run) {
  const { workloads } = run;
  const times = (value) => `${value.toFixed(2)}×`;
  const files = Object.entries(TITLES).map(([name, title]) =>
    chart(run, {
      file: `${name}.svg`,
      title: `${title}: rate against pg`,
      note: 'Longer is faster',
      workloads: workloads.filter((one) => (one.chart ?? 'more') === name),
      value: ({ ratio }) => ratio,
      text: times,
    }),
  );
  files.push(
    chart(run, {
      file: 'javascript-thread.svg',
      title: 'CPU time of the JavaScript thread, against pg',
      note: 'Shorter is better',
      workloads: workloads.filter((one) => one.chart === 'queries' || one.chart === 'rows'),
      value: threadRatio,
      text: times,
    }),
    chart(run, {
      file: 'network.svg',
      title: 'Behind a network',
      note: 'Milliseconds each, shorter is better',
      workloads: workloads.filter((one) => one.chart === 'network'),
      value: ({ rate }) => 1000 / rate.median,
      text: (value) => `${value.toFixed(1)} ms`,
    }),
  );
  return files;
}

/** @returns {[string, string | null]} a file's name and contents; null when there is nothing to show */
function chart({ contenders, server, machine, options }, { file, title, note, workloads, value, text }) {
  const titleOf = Object.fromEntries(contenders.map((one) => [one.name, one.title]));
  const groups = workloads
    .map(({ title: label, mode, lines }) => ({
      label: `${label} (${mode})`,
      bars: lines
        .map((line) => ({ line, value: value(line, lines) }))
        .filter((bar) => Number.isFinite(bar.value))
        .map((bar) => ({
          contender: bar.line.contender,
          label: titleOf[bar.line.contender],
          value: bar.value,
          text: text(bar.value),
        })),
    }))
    .filter(({ bars }) => bars.length > 0);
  if (groups.length === 0) return [file, null];
  const place = `PostgreSQL ${server.version}, Node ${machine.node}, ${machine.cpu}`;
  return [file, barChart({ title, subtitle: `${note}. ${place}; medians of ${options.rounds}`, groups })];
}

function threadRatio(line, lines) {
  const pg = lines.find(({ contender }) => contender === 'pg');
  return pg?.threadMicros && line.threadMicros ? line.threadMicros / pg.threadMicros : NaN;
}

// Called by itself, it makes the report anew from a results.json: node bench/report.mjs bench/results
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const directory = process.argv[2] ?? fileURLToPath(new URL('./results/', import.meta.url));
  const run = JSON.parse(fs.readFileSync(path.join(directory, 'results.json'), 'utf8'));
  for (const file of writeReport(run, directory)) console.log(file);
}
