// The least that a Node program does which asks a database anything.
import pg from 'pg';

const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
await client.query('select 1');
await client.end();
