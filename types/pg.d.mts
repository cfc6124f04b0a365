import * as pg from './pg.js';

export * from './client.js';
export * from './config.js';
export * from './connection.js';
export * from './error.js';
export * from './escape.js';
export * from './pool.js';
export * from './query.js';
export * from './types.js';
export default pg;
