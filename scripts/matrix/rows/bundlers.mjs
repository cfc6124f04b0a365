// Programs in one file, as bundlers make them: each is bundled, and then run where nothing is installed but the addon.

export const title = 'Bundler';

/** @type {import('../../matrix.mjs').Row[]} */
export const rows = [];
