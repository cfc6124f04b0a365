import * as escape from './escape';

/** The functions that make values ready to be sent. */
export const utils: {
  /**
   * @param value any value of a query
   * @returns what is sent for it: text, bytes, or null for `null` and `undefined`
   * @throws for a `toPostgres` method that leads back to itself
   */
  prepareValue(value: unknown): any;
  /** @returns a config object made of the three ways to call `query`; what was given isn't changed */
  normalizeQueryConfig(config: any, values?: any, callback?: any): any;
  escapeIdentifier: typeof escape.escapeIdentifier;
  escapeLiteral: typeof escape.escapeLiteral;
};
