const DatabaseManager = require('./services/DatabaseManager');

async function setupDatabase() {
  const dbManager = new DatabaseManager();
  
  await dbManager.addConnection('main', {
    supabaseUrl: process.env.SUPABASE_URL,
    supabaseKey: process.env.SUPABASE_ANON_KEY,
    dbHost: 'aws-1-us-east-1.pooler.supabase.com',
    dbPort: 5432,
    dbUser: 'postgres.dedlbzhpgkmetvhbkyzq',
    dbPassword: process.env.SUPABASE_DB_PASSWORD,
    dbName: 'postgres'
  });
  
  // Now you can create tables
  const createTableSQL = `
    CREATE TABLE IF NOT EXISTS users (
      id SERIAL PRIMARY KEY,
      email TEXT UNIQUE NOT NULL,
      created_at TIMESTAMPTZ DEFAULT NOW()
    );
  `;
  
  await dbManager.executeDDL(createTableSQL);
}
