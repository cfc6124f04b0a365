'use strict';

const { ENDS, cut } = require('../cutting-proxy.js');

module.exports = [
  {
    name: 'some connections are cut',
    weight: 10,
    async run({ proxy, random }) {
      const links = proxy.links.filter(() => random.chance(0.5));
      await Promise.all(links.map((link) => cut(link, random.pick(ENDS), random)));
    },
  },
];
