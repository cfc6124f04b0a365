// What installs the package from a registry.

export const title = 'Installer';

/** @type {import('../../matrix.mjs').Row[]} */
export const rows = [];
