'use strict';

// A program whose every step goes wrong, which says so and ends.

const { guideTarget, pg } = require('./target.js');

async function main() {
  const manager = new pg.DatabaseManager();
  const steps = [
    () => manager.executeDDL('SELECT 1'),
    () => manager.addConnection('refused', { ...guideTarget, dbPort: 1 }),
    () => manager.addConnection('wrong', { ...guideTarget, dbPassword: 'wrong' }),
    () => manager.addConnection('main', guideTarget).then(() => manager.executeDDL('SELECT 1/0')),
  ];
  for (const step of steps) {
    try {
      await step();
      console.log('no failure');
    } catch (error) {
      console.log(error.code ?? 'no code');
    }
  }
}

main();
