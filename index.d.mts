export * from './types/pg.mjs';
export {
  default,
  DatabaseManager,
  utils,
  type AddConnectionResult,
  type DatabaseConfig,
  type DatabaseConnection,
} from './index.js';
