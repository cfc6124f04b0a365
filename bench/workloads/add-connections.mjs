// A manager gets twenty databases at a round trip of 20 ms: one after the other, as the guide's tour does it,
// and all at once.

import { managerConfig } from './manager.mjs';

const DATABASES = 20;

function addConnections(name, title, add) {
  return {
    name: `add-${DATABASES}-connections-${name}`,
    title: `addConnection to ${DATABASES} databases at 20 ms, ${title}`,
    unit: 'database',
    headline: true,
    chart: 'network',
    modes: ['free'],
    freeOnly: true,
    roundTripMillis: 20,
    databases: DATABASES,
    once: true,
    warmUp: false,
    rounds: 3, // seconds of waiting that hardly vary
    open: async () => [],
    async batch(managers, context) {
      const manager = new context.adapter.Manager();
      managers.push(manager);
      await add(
        (database) => manager.addConnection(database, managerConfig(context, database)),
        context.databases,
      );
      if (manager.connections.size !== DATABASES) throw new Error(`${manager.connections.size} connections`);
      return DATABASES;
    },
    async close(managers) {
      for (const manager of managers) await manager.close();
    },
  };
}

export const workloads = [
  addConnections('in-turn', 'one after the other', async (add, databases) => {
    for (const database of databases) await add(database);
  }),
  addConnections('at-once', 'all at once', (add, databases) => Promise.all(databases.map(add))),
];
