/// <reference types="node" />
import * as pgTypes from 'pg-types';
import { CustomTypesConfig } from './config';

/** The parsers of the whole process: the very object of the `pg-types` package, shared with every copy of `pg`. */
export const types: typeof pgTypes;

/** Parsers that differ from those of another `types` object for some OIDs, and fall back to it for the rest. */
export class TypeOverrides implements CustomTypesConfig {
  /** @param types asked for every OID that has no parser here. @default the parsers of the whole process */
  constructor(types?: CustomTypesConfig);

  /**
   * Sets the parser of the text format.
   * @param oid OID of the type
   * @param parseFn from the server's text to the value
   */
  setTypeParser<T>(oid: number | pgTypes.TypeId, parseFn: (text: string) => T): void;
  /**
   * @param oid OID of the type
   * @param format the format that this parser reads
   * @param parseFn from the server's text to the value
   */
  setTypeParser<T>(oid: number | pgTypes.TypeId, format: 'text', parseFn: (text: string) => T): void;
  setTypeParser<T>(oid: number | pgTypes.TypeId, format: 'binary', parseFn: (bytes: Buffer) => T): void;

  /**
   * @param oid OID of the type
   * @param format @default `'text'`
   * @returns the parser of that type
   */
  getTypeParser(oid: number | pgTypes.TypeId, format?: pgTypes.TypeFormat): any;
}
