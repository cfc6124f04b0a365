'use strict';

const restart = (how, weight) => ({
  name: `the server is restarted, ${how}`,
  weight,
  run: ({ server }) => server.restart(how),
});

module.exports = [restart('fast', 1), restart('immediate', 1)];
