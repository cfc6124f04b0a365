// What a person can mend: shown as a sentence, without a stack trace.

export class Failure extends Error {}

/** @param {Failure} failure */
export function report(failure) {
  console.error(`pgfleet: ${failure.message}`);
  process.exitCode = 1;
}
