'use strict';

const Sentry = require('@sentry/node');

const sent = [];
Sentry.init({
  dsn: 'http://public@127.0.0.1:1/1',
  tracesSampleRate: 1,
  transport: () => ({
    send: async (envelope) => {
      sent.push(envelope);
      return {};
    },
    flush: async () => true,
  }),
});

const { work, tell } = require('./traced.cjs');

Sentry.startSpan({ name: 'program' }, work)
  .then(() => Sentry.flush())
  .then(() => {
    const spans = sent
      .flatMap(([, items]) => items)
      .flatMap(([, payload]) => payload.items ?? [])
      .map(({ name, status, attributes }) => [name, status, attributes['db.query.text']?.value ?? null]);
    tell(spans.map((span) => JSON.stringify(span)));
  });
