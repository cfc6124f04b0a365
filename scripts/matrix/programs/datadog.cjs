'use strict';

// Its exporter for logs writes spans to standard output, which is where they are taken from.
const written = [];
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (text, ...rest) => {
  if (!String(text).startsWith('{"traces"')) return write(text, ...rest);
  written.push(...JSON.parse(text).traces.flat());
  return true;
};

const tracer = require('dd-trace').init({
  experimental: { exporter: 'log' },
  flushInterval: 0,
  startupLogs: false,
  telemetry: { enabled: false },
  remoteConfig: { enabled: false },
  dbmPropagationMode: 'full',
});

const { work, tell } = require('./traced.cjs');

tracer
  .trace('program', work)
  // Spans are written in a later turn.
  .then(() => new Promise((resolve) => setTimeout(resolve, 500)))
  .then(() => {
    // pgfleet's connections aren't sockets of Node.
    const spans = written.filter(({ name }) => name !== 'tcp.connect');
    tell(
      spans.map(({ name, resource, error, meta }) =>
        JSON.stringify([name, resource, error, meta['error.message'], meta['out.host'], meta['db.name']]),
      ),
    );
  });
