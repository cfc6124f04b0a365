/// <reference types="node" />
import * as Pg from './pg';

export * from './client';
export * from './config';
export * from './connection';
export * from './escape';
export * from './pool';
export * from './query';
export * from './types';
export * from './utils';
export { DatabaseError } from 'pg-protocol';

/** Not enumerable. */
export const native: typeof Pg | null;
