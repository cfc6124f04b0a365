'use strict';

// What `DatabaseManager.fromConfig` reads: the three databases of the examples. settings.js lists the variables.

const { connectionSettings } = require('./settings.js');

const TAGS = { app1: ['eu'], app2: ['eu', 'paid'], app3: ['us'] };

module.exports = () => ({
  databases: Object.fromEntries(
    Object.entries(TAGS).map(([name, tags]) => [name, { ...connectionSettings(name), tags }]),
  ),
  groups: { europe: ['tag:eu'] },
  defaults: { max: 2 },
});
