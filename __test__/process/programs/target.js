'use strict';

/** Where the programs of this folder connect to: what `server.config()` of the tests gave. */
const target = JSON.parse(process.env.PROGRAM_TARGET);

/** The same in the guide's words. */
const guideTarget = {
  dbHost: target.host,
  dbPort: target.port,
  dbUser: target.user,
  dbPassword: target.password,
  dbName: target.database,
};

/** The contender that the test asked for. */
const pg = process.env.PROGRAM_CONTENDER === 'pg' ? require('pg') : require('../../..');

module.exports = { guideTarget, pg, target };
