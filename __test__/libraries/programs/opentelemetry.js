'use strict';

// What OpenTelemetry sees of a program that uses `pg` in every way: the list of its spans.

const { trace, context, SpanKind } = require('@opentelemetry/api');
const { AsyncLocalStorageContextManager } = require('@opentelemetry/context-async-hooks');
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { PgInstrumentation } = require('@opentelemetry/instrumentation-pg');
const {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} = require('@opentelemetry/sdk-trace-base');

const url = process.argv[2];
const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(provider);
const instrumentation = new PgInstrumentation();
const options = {
  enhancedDatabaseReporting: true,
  responseHook: (span, { data }) => span.setAttribute('rows', data.rowCount ?? -1),
};
instrumentation.setConfig(options);
registerInstrumentations({ instrumentations: [instrumentation] });

const pg = require('pg');
const Cursor = require('pg-cursor');

/** Each way to use it, as the work of a span that the others hang on. */
const WORK = {
  async client() {
    const client = new pg.Client(url);
    await client.connect();
    await client.query('SELECT 1 AS one');
    await client.query('SELECT $1::int AS n', [1]);
    await client.query({ text: 'SELECT $1::int AS n', values: [2], name: 'named' });
    await client.query('SELECT nothing').catch(() => {});
    await new Promise((resolve) => client.query('SELECT 2 AS two', resolve));
    await new Promise((resolve) => client.query(new pg.Query('SELECT 3 AS three'), resolve));
    const cursor = client.query(new Cursor('SELECT 4 AS four'));
    await cursor.read(1);
    await cursor.close();
    await client.end();
  },
  async 'client with a callback'() {
    const client = new pg.Client(url);
    await new Promise((resolve, reject) => client.connect((error) => (error ? reject(error) : resolve())));
    await client.end();
  },
  async 'refused client'() {
    const client = new pg.Client({ host: '127.0.0.1', port: 1, user: 'nobody', password: '' });
    await client.connect().catch(() => {});
  },
  async 'commented queries'() {
    instrumentation.setConfig({ ...options, addSqlCommenterCommentToQueries: true });
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    const plain = await pool.query('SELECT current_query() AS text');
    const object = await pool.query({ text: 'SELECT current_query() AS text', values: [] });
    await pool.end();
    instrumentation.setConfig(options);
    return [plain, object].map(({ rows: [{ text }] }) => /traceparent/.test(text));
  },
  async pool() {
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    await pool.query('SELECT 5 AS five');
    await pool.query('SELECT $1::int AS n', [6]);
    await pool.query('SELECT nothing').catch(() => {});
    await Promise.all([7, 8, 9].map((n) => pool.query('SELECT $1::int AS n', [n])));
    await new Promise((resolve) => pool.query('SELECT 10 AS ten', resolve));
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('COMMIT');
    client.release();
    await new Promise((resolve) =>
      pool.connect((error, lent, release) => lent.query('SELECT 11 AS eleven', () => resolve(release()))),
    );
    await pool.end();
  },
  async 'refused pool'() {
    const pool = new pg.Pool({ host: '127.0.0.1', port: 1, user: 'nobody', password: '' });
    await pool.query('SELECT 12').catch(() => {});
    await pool.end();
  },
};

async function main() {
  const tracer = trace.getTracer('program');
  const answers = {};
  for (const [name, work] of Object.entries(WORK)) {
    await tracer.startActiveSpan(name, async (span) => {
      answers[name] = await work();
      span.end();
    });
  }
  return { answers, driver: pg === require('pgfleet/pg') ? 'pgfleet' : 'pg', spans: spans() };
}

/** What can be compared between two drivers and two runs. */
function spans() {
  const finished = exporter.getFinishedSpans();
  const names = new Map(finished.map((span) => [span.spanContext().spanId, span.name]));
  return finished.map(({ name, kind, status, attributes, parentSpanContext, events }) => ({
    name,
    kind: SpanKind[kind],
    parent: names.get(parentSpanContext?.spanId) ?? null,
    status,
    attributes,
    events: events.map((event) => [event.name, event.attributes['exception.type']]),
  }));
}

main().then((outcome) => console.log(JSON.stringify(outcome)));
