async function runMigrations(dbManager) {
  const migrations = [
    {
      version: '001',
      sql: `
        CREATE TABLE IF NOT EXISTS migrations (
          version VARCHAR(10) PRIMARY KEY,
          applied_at TIMESTAMPTZ DEFAULT NOW()
        );
      `
    },
    {
      version: '002',
      sql: `
        CREATE TABLE IF NOT EXISTS projects (
          id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
          name TEXT NOT NULL,
          database_url TEXT,
          created_at TIMESTAMPTZ DEFAULT NOW()
        );
      `
    }
  ];
  
  for (const migration of migrations) {
    try {
      await dbManager.executeDDL(migration.sql);
      await dbManager.executeDDL(
        `INSERT INTO migrations (version) VALUES ('${migration.version}')`
      );
      console.log(`✅ Applied migration ${migration.version}`);
    } catch (error) {
      if (!error.message.includes('duplicate key')) {
        throw error;
      }
    }
  }
}
