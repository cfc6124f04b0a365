// How long the rest of a program has to wait while one of its tasks reads a million rows: the figures to look
// at are the event loop's gaps.

import { workloads as cursor } from './cursor.mjs';

export const workloads = cursor.map((workload) => ({
  ...workload,
  name: 'streaming-gap',
  title: "event loop's gaps while a task streams 1,000,000 rows",
  headline: false,
  chart: undefined,
  modes: ['free'],
}));
