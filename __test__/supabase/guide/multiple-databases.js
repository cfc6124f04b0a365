async function manageMultipleDatabases() {
  const dbManager = new DatabaseManager();
  
  // Add multiple connections
  const databases = [
    { name: 'app1', projectRef: 'abc123', password: 'pass1' },
    { name: 'app2', projectRef: 'def456', password: 'pass2' },
    { name: 'app3', projectRef: 'ghi789', password: 'pass3' }
  ];
  
  for (const db of databases) {
    await dbManager.addConnection(db.name, {
      dbHost: 'aws-1-us-east-1.pooler.supabase.com',
      dbUser: `postgres.${db.projectRef}`,
      dbPassword: db.password,
      dbPort: 5432
    });
  }
  
  // Switch between databases
  await dbManager.switchConnection('app2');
  await dbManager.executeDDL('CREATE TABLE app2_specific_table ...');
  
  await dbManager.switchConnection('app1');
  await dbManager.executeDDL('CREATE TABLE app1_specific_table ...');
}
