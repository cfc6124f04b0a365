'use strict';

const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const npmsCopyStreams = require('pg-copy-streams');
const { copyStreams } = require('../../../index.js');
const { bodyOf } = require('../schema.js');
const { mustBe } = require('../untrue.js');
const { refused, withClient } = require('./client.js');

const COPY = 'COPY entries (key, part, body) FROM STDIN';

function* lines(key, parts) {
  for (let part = 1; part <= parts; part += 1) yield `${key}\t${part}\t${bodyOf(key, part)}\n`;
}

/** What comes before the end is never sent to its end, so the server throws it away. */
async function* breakingOff(key, parts) {
  yield* lines(key, parts);
  await new Promise(setImmediate);
  throw new Error('the source of a COPY broke off');
}

const copying = (name, weight, streams) => ({
  name,
  weight,
  run(site) {
    const parts = site.random.magnitude(60);
    return site.entry(name, { parts }, (key) =>
      withClient(site, async (client) => {
        const stream = client.query(streams.from(COPY));
        await pipeline(Readable.from(lines(key, parts)), stream);
        mustBe(stream.rowCount === parts, `acknowledged with ${stream.rowCount} of ${parts} rows`);
      }),
    );
  },
});

module.exports = {
  ways: [
    copying('COPY', 4, copyStreams),
    copying("COPY by npm's streams", 3, npmsCopyStreams),
    {
      name: 'COPY in a transaction',
      weight: 2,
      run: (site) =>
        site.entry('COPY in a transaction', { parts: 5 }, (key) =>
          withClient(site, async (client) => {
            try {
              await client.query('BEGIN');
              await pipeline(Readable.from(lines(key, 5)), client.query(copyStreams.from(COPY)));
            } catch (error) {
              throw refused(error);
            }
            const { command } = await client.query('COMMIT');
            return command === 'COMMIT' ? 'acknowledged' : 'refused';
          }),
        ),
    },
    {
      name: 'COPY that breaks off',
      weight: 2,
      run: (site) =>
        site.entry('COPY that breaks off', { parts: 5, hopeless: true }, (key) =>
          withClient(site, async (client) => {
            await pipeline(Readable.from(breakingOff(key, 5)), client.query(copyStreams.from(COPY))).catch(
              (error) => {
                throw refused(error);
              },
            );
            mustBe(false, 'a COPY that broke off was acknowledged');
          }),
        ),
    },
  ],
};
