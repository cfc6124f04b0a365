import DatabaseManager from './index.js';

export default DatabaseManager;
export { DatabaseManager };

export const {
  Client,
  Connection,
  DatabaseError,
  Pool,
  Query,
  Result,
  TypeOverrides,
  defaults,
  escapeIdentifier,
  escapeLiteral,
  types,
  utils,
} = DatabaseManager;
