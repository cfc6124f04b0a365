'use strict';

module.exports = [
  {
    name: 'a thread or a process is ended',
    weight: 2,
    async run({ posted, random }) {
      const others = posted.filter(({ place }) => place !== 'here');
      if (others.length > 0) await random.pick(others).kill();
    },
  },
  {
    name: 'a pool is ended at work, and a new one made',
    weight: 4,
    async run({ posted, databases, random }) {
      const here = posted.filter(({ crew }) => crew);
      await random.pick(here).crew.renewPool(random.pick(databases));
    },
  },
];
