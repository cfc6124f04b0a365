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
  copyStreams,
  defaults,
  escapeIdentifier,
  escapeLiteral,
  types,
  utils,
} = DatabaseManager;
