import pg = require('pg');

const client = new pg.Client('postgres://localhost/app');
client.connect((error: Error | null) => {
  if (error) throw error;
});
client.query('SELECT $1::text AS message', ['hello'], (error, result) => {
  if (error) throw error;
  console.log(result.rows[0].message, result.command, result.rowCount);
});
client.query({ text: 'SELECT 1 AS one', rowMode: 'array' }, (error, result) => {
  console.log(error ? error.message : result.rows[0]![0]);
});
client.query('LISTEN jobs', (error, result: pg.QueryResult) => console.log(error, result));
client.on('notification', (message: pg.Notification) =>
  console.log(message.channel, message.payload?.length),
);
client.on('notice', (notice) => console.log(notice.severity, notice.message));
client.on('drain', () => client.end((error) => console.log(error)));
client.on('end', () => undefined);

const query = new pg.Query<{ id: number }>('SELECT 1 AS id');
const same: pg.Query<{ id: number }> = client.query(query);
same.on('row', (row, result) => console.log(row.id.toFixed(), result?.fields.length));
same.on('end', (result) => console.log(result.rowCount));
same.on('error', (error) => console.log(error.stack));

const pool = new pg.Pool({ user: 'app', password: async () => 'secret', Client: pg.Client });
pool.connect((error, checkedOut, done) => {
  if (error || !checkedOut) return;
  checkedOut.query('SELECT 1', (failure) => done(failure));
});
pool.query('SELECT 1', (error, result) => console.log(error, result.rows));
pool.end(() => undefined);

pg.defaults.parseInt8 = true;
pg.defaults.poolSize = 20;
const quoted: string = pg.escapeIdentifier('a') + client.escapeLiteral('b');
client.setTypeParser(20, Number);
const overrides = new pg.TypeOverrides();
overrides.setTypeParser(pg.types.builtins.DATE, (text) => text);
overrides.setTypeParser(17, 'binary', (bytes) => bytes.byteLength);
pool.query({ text: 'SELECT 1', types: overrides });
pool.query({ text: 'SELECT 1', types: { getTypeParser: () => (text: string) => text } });
const status: 'I' | 'T' | 'E' | null = client.getTransactionStatus();
const base: pg.ClientBase = client;
void [quoted, status, base, pg.native?.Client];
