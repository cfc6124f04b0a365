import DatabaseManager, { Client, DatabaseError, Pool } from 'pgfleet';
import pg from 'pgfleet/pg';
import works from './works.cjs';

if (DatabaseManager.Pool !== Pool) throw new Error('the names are not those of the class');
await works({ Client, DatabaseError, Pool }, pg);
