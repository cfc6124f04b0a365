// A DatabaseManager, this package's or the guide's class on a peer, with the server as one or more databases.

/**
 * @param {import('./index.mjs').Context} context
 * @param {string} [database]
 * @returns {Record<string, unknown>} what addConnection takes; with the guide's default, TLS
 */
export function managerConfig({ target, serverHasTls }, database = target.database) {
  const { host, port, user, password } = target;
  const config = { dbHost: host, dbPort: port, dbUser: user, dbPassword: password, dbName: database };
  return serverHasTls ? config : { ...config, ssl: false };
}

export const onManager = {
  async open(context) {
    const manager = new context.adapter.Manager();
    await manager.addConnection('main', managerConfig(context));
    return manager;
  },
  close: (manager) => manager.close(),
};
