'use strict';

// Errors that a program throws in its own callbacks reach its own handler, and the client goes on. The argument is
// the text of the query whose callback throws.

const { pg, target } = require('./target.js');

const client = new pg.Client(target);
process.on('uncaughtException', (thrown) => {
  console.log(`caught: ${thrown.message}`);
  client.query('SELECT 2 AS two', (error, result) => {
    console.log(error ?? result.rows[0].two);
    client.end();
  });
});

client.connect(() => {
  client.query(process.argv[2], (error, result) => {
    throw new Error(`thrown for ${error ? error.code : result.rowCount}`);
  });
});
