/// <reference types="node" />
import * as Pg from './pg';

export * from './client';
export * from './config';
export * from './connection';
export * from './error';
export * from './escape';
export * from './pool';
export * from './query';
export * from './types';
export * from './utils';

/** Not enumerable. */
export const native: typeof Pg | null;
