// What `drizzle-kit migrate` of 1.0 does, without the kit around it.
import { drizzle } from 'drizzle-orm-1/node-postgres';
import { migrate } from 'drizzle-orm-1/node-postgres/migrator';

const db = drizzle(process.env.DATABASE_URL);
await migrate(db, { migrationsFolder: 'drizzle' });
await db.$client.end();
