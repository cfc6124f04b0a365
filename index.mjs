import DatabaseManager from './index.js';

export default DatabaseManager;
export { DatabaseManager };

export const {
  Client,
  Connection,
  Cursor,
  DatabaseError,
  Pool,
  Query,
  QueryStream,
  Result,
  TypeOverrides,
  analyzeSql,
  copyStreams,
  defaults,
  escapeIdentifier,
  escapeLiteral,
  lint,
  types,
  utils,
} = DatabaseManager;
