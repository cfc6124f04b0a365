// test-connection.js
const DatabaseManager = require('./services/DatabaseManager');
require('dotenv').config();

async function test() {
  const dbManager = new DatabaseManager();
  
  try {
    const result = await dbManager.addConnection('test', {
      dbHost: 'aws-1-us-east-1.pooler.supabase.com',
      dbPort: 5432,
      dbUser: 'postgres.YOUR_PROJECT_REF',
      dbPassword: process.env.SUPABASE_DB_PASSWORD
    });
    
    console.log('✅ Connected successfully');
    console.log('PostgreSQL Version:', result.version);
    
    // Test DDL capability
    await dbManager.executeDDL(`
      CREATE TABLE IF NOT EXISTS connection_test (
        id SERIAL PRIMARY KEY,
        test_time TIMESTAMPTZ DEFAULT NOW()
      );
    `);
    console.log('✅ DDL execution successful');
    
    // Clean up
    await dbManager.executeDDL('DROP TABLE IF EXISTS connection_test;');
    console.log('✅ Cleanup successful');
    
  } catch (error) {
    console.error('❌ Test failed:', error.message);
  }
}

test();
