// The columns of bench/seed.ts with drizzle-seed's own generators.
import { drizzle } from 'drizzle-orm/node-postgres';
import { bigint, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { seed } from 'drizzle-seed';
const call = pgTable('call', {
  app_id: bigint({ mode: 'number' }).notNull(),
  tokens: integer().notNull(),
  kind: text().notNull(),
  place: integer().notNull(),
  at: timestamp({ withTimezone: true }).notNull(),
});
const db = drizzle(process.env.DATABASE_URL);
await seed(db, { call }, { count: Number(process.argv[2]) }).refine((f) => ({
  call: {
    columns: {
      app_id: f.int({ minValue: 1, maxValue: 2 }),
      tokens: f.int({ minValue: 1, maxValue: 4000 }),
      kind: f.valuesFromArray({ values: ['chat', 'image', 'embedding'] }),
      place: f.int({ minValue: 1, maxValue: 1000 }),
      at: f.timestamp(),
    },
  },
}));
await db.$client.end();
