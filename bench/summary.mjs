// From samples to what is shown: medians, spread, and ratios.

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
 * @property {number} [ratio] of its rate to pg's
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
      rate: spread(own.map(rateOf)),
      cpuMicros: medianOf(own, ({ count, cpuSeconds }) => microsEach(cpuSeconds, count)),
      threadMicros: medianOf(own, ({ count, threadCpuSeconds }) => microsEach(threadCpuSeconds, count)),
      peakBytes: medianOf(own, ({ peakBytes }) => peakBytes),
      longestGapMillis: medianOf(own, ({ longestGapMillis }) => longestGapMillis),
      gap99Millis: medianOf(own, ({ gap99Millis }) => gap99Millis),
    }));
  return lines.map((line) => ({ ...line, ratio: ratioOf(samples, line.contender, 'pg', rateOf) }));
}

/** Units a second. */
export function rateOf({ count, seconds }) {
  return count / seconds;
}

/**
 * How one contender compares with another: the median of the rounds' ratios. The samples of a round are neighbours in
 * time, so a machine that is faster at one hour than at the next has little to say in it.
 *
 * @param {Array<Record<string, any>>} samples of one workload in one mode
 * @param {string} contender
 * @param {string} other
 * @param {(sample: Record<string, any>) => number | null | undefined} value null or undefined: can't tell
 * @returns {number | undefined} undefined where they have no round in common, or one can't tell
 */
export function ratioOf(samples, contender, other, value) {
  const ratios = samples
    .filter((sample) => sample.contender === contender)
    .flatMap((own) => {
      const theirs = samples.find((one) => one.contender === other && one.round === own.round);
      return theirs ? [(value(own) ?? NaN) / (value(theirs) ?? NaN)] : [];
    });
  return ratios.length > 0 && ratios.every(Number.isFinite) ? spread(ratios).median : undefined;
}

export function microsEach(seconds, count) {
  return typeof seconds === 'number' ? (seconds * 1e6) / count : null;
}

function medianOf(samples, value) {
  const values = samples.map(value);
  return values.every((one) => typeof one === 'number') ? spread(values).median : null;
}

/**
 * Whether all contenders read the same: the checksums of those that decode, the row counts of all.
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
