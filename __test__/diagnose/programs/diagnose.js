'use strict';

const DatabaseManager = require('../../..');

// Writes the diagnosis of the configuration in its argument, as JSON.
async function main() {
  const manager = new DatabaseManager();
  try {
    manager._addLazily('it', JSON.parse(process.argv[2]));
    const [diagnosis] = await manager.diagnose();
    process.stdout.write(JSON.stringify(diagnosis));
  } finally {
    await manager.close();
  }
}

main();
