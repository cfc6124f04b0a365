export * from './types/pg.mjs';
export {
  default,
  Cursor,
  DatabaseManager,
  QueryStream,
  copyStreams,
  utils,
  type AddConnectionResult,
  type CopyStream,
  type CursorQueryConfig,
  type DatabaseConfig,
  type DatabaseConnection,
  type QueryStreamConfig,
} from './index.js';
