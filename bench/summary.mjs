// From samples to what is shown: medians, spread, and ratios to pg.

/** @param {number[]} values */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/**
 * One contender in one workload and mode; what it can't tell is null.
 *
 * @typedef {object} Line
 * @property {string} contender
 * @property {number} rounds
 * @property {{ median: number, min: number, max: number }} rate units a second
 * @property {number} [ratio] of its median rate to pg's
 * @property {number | null} cpuMicros process CPU a unit, median
 * @property {number | null} threadMicros CPU of the JavaScript thread a unit, median
 * @property {number | null} peakBytes median
 * @property {number | null} longestGapMillis median of the samples' longest gaps
 * @property {number | null} gap99Millis
 */

/**
 * @param {Array<Record<string, any>>} samples of one workload in one mode
 * @param {string[]} order of the contenders
 * @returns {Line[]}
 */
export function summarise(samples, order) {
  const lines = order
    .map((contender) => samples.filter((sample) => sample.contender === contender))
    .filter((own) => own.length > 0)
    .map((own) => ({
      contender: own[0].contender,
      rounds: own.length,
      rate: spread(own.map(({ count, seconds }) => count / seconds)),
      cpuMicros: medianOf(own, ({ count, cpuSeconds }) => microsEach(cpuSeconds, count)),
      threadMicros: medianOf(own, ({ count, threadCpuSeconds }) => microsEach(threadCpuSeconds, count)),
      peakBytes: medianOf(own, ({ peakBytes }) => peakBytes),
      longestGapMillis: medianOf(own, ({ longestGapMillis }) => longestGapMillis),
      gap99Millis: medianOf(own, ({ gap99Millis }) => gap99Millis),
    }));
  const reference = lines.find(({ contender }) => contender === 'pg');
  if (!reference) return lines;
  return lines.map((line) => ({ ...line, ratio: line.rate.median / reference.rate.median }));
}

function microsEach(seconds, count) {
  return typeof seconds === 'number' ? (seconds * 1e6) / count : null;
}

function medianOf(samples, value) {
  const values = samples.map(value);
  return values.every((one) => typeof one === 'number') ? spread(values).median : null;
}

/**
 * Whether everybody read the same: the checksums of those who decode, the row counts of all.
 *
 * @param {Array<Record<string, any>>} samples
 * @returns {string[]} the contenders that differ from pg, or from the first when pg wasn't there
 */
export function disagreements(samples) {
  const checked = samples.filter(({ result }) => result);
  const reference = checked.find(({ contender }) => contender === 'pg') ?? checked[0];
  return checked
    .filter(
      ({ result }) =>
        differ(result.rows, reference.result.rows) || differ(result.checksum, reference.result.checksum),
    )
    .map(({ contender }) => contender);
}

function differ(one, other) {
  return one !== undefined && other !== undefined && one !== other;
}
