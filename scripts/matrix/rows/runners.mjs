// Test runners that bring a module system and timers of their own.

export const title = 'Test runner';

/** @type {import('../../matrix.mjs').Row[]} */
export const rows = [];
