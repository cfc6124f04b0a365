import { Client, type Connection, Pool, type Submittable } from 'pg';
import QueryStream from 'pg-query-stream';

class Ping implements Submittable {
  submit = (connection: Connection): void => {
    connection.parse({ name: '', text: 'SELECT 1', types: [] }, true);
    connection.bind({ values: [] }, true);
    connection.describe({ type: 'P' }, true);
    connection.execute({ portal: '' }, true);
    connection.sync();
    connection.once('readyForQuery', () => connection.stream.resume());
  };
}

export async function pages(client: Client, pool: Pool): Promise<number> {
  const ping: Ping = client.query(new Ping());
  const stream: QueryStream = client.query(
    new QueryStream('SELECT generate_series(1, $1)', [1000], { batchSize: 50 }),
  );
  let seen = 0;
  for await (const row of stream) seen += row.generate_series;
  void [ping, pool.query(new Ping())];
  return seen;
}
