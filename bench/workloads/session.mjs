// What most workloads share: they open one pool, and close it.

/** @param {import('./index.mjs').Context} context */
export function openSession({ adapter, target, workload }) {
  const { poolSize = 1, named = false, tls = false } = workload;
  return adapter.open(target, { size: poolSize, named, tls });
}

/** @param {import('../contenders/index.mjs').Session} session */
export function closeSession(session) {
  return session.close();
}

export const onSession = { open: openSession, close: closeSession };
