import { Client, DatabaseManager, Pool, type PoolClient } from 'pgfleet';
import * as pg from 'pgfleet/pg';

class Named extends DatabaseManager {
  constructor(readonly label: string) {
    super();
  }
}

export async function main(): Promise<void> {
  const manager = new Named('jobs');
  const client: PoolClient = await new Pool({ max: 2 }).connect();
  client.release(true);
  const direct: pg.Client = new Client();
  await direct.end();
  await manager.addConnection('verified', { ref: 'abcdefghijklmnopqrst', ssl: 'verify-full' });
  await new Pool({ ssl: 'verify-full' }).end();
  await manager[Symbol.asyncDispose]();
}

import OfTheGuide = require('pgfleet/services/DatabaseManager');
export const guided: DatabaseManager = new OfTheGuide();
