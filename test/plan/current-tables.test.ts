import { describe, expect, it } from 'vitest';
import { CurrentTables } from '../../src/plan/current-tables.ts';
import type { ObservedRelation, StatementObservation } from '../../src/plan/observation.ts';
import { parse } from '../../src/sql/statements.ts';
import { observationOf } from './observation-of.ts';

const relation = (name: string, schema = 'public'): ObservedRelation => ({
  schema,
  name,
  kind: 'table',
});

/** The tables of a database in which `orders` has a million rows and one index, and `part` is a partition of it. */
async function after(...statements: (Partial<StatementObservation> & { sql: string })[]) {
  const table = { kind: 'table' as const, rows: 1_000_000, heapBytes: 1e8, toastBytes: 0 };
  const index = { name: 'orders_pkey', bytes: 1e7, isValid: true };
  const tables = new CurrentTables({
    serverVersion: '18.4',
    applied: [],
    tables: [
      { ...table, schema: 'public', name: 'orders', indexes: [index] },
      { ...table, schema: 'public', name: 'part', indexes: [], partitionOf: relation('orders') },
    ],
  });
  for (const each of statements) tables.run(observationOf(each), (await parse(each.sql))[0]?.stmt);
  const known = tables.facts?.tables.map(({ schema, name, rows }) => `${schema}.${name} ${rows}`);
  return { tables, known };
}

const create = { sql: 'CREATE TABLE jobs (id int)', created: [relation('jobs')] };

describe('the sizes of tables while migrations run', () => {
  it('are zero for a new table, also when it has another name later', async () => {
    const renamed = [{ from: relation('jobs'), to: relation('tasks', 'app') }];
    const rename = { sql: 'ALTER TABLE jobs RENAME TO tasks', renamed };
    const { tables } = await after(create, rename);
    expect(tables.isEmpty(relation('tasks', 'app'))).toBe(true);
    expect(tables.isEmpty(relation('jobs'))).toBe(false);
  });

  it.each([
    'INSERT INTO jobs SELECT id FROM orders',
    'INSERT INTO public.jobs (SELECT id FROM orders LIMIT 5)',
    'WITH old AS (SELECT id FROM orders) INSERT INTO jobs TABLE old',
  ])('are not known after %s', async (sql) => {
    expect((await after(create, { sql })).tables.isEmpty(relation('jobs'))).toBe(false);
  });

  it.each(['INSERT INTO jobs VALUES (1), (2)', 'INSERT INTO other SELECT id FROM orders'])(
    'are still zero after %s',
    async (sql) => {
      expect((await after(create, { sql })).tables.isEmpty(relation('jobs'))).toBe(true);
    },
  );

  it('are not known for a table that a query creates', async () => {
    const sql = 'CREATE TABLE jobs AS SELECT * FROM orders';
    const { tables } = await after({ sql, created: [relation('jobs')] });
    expect(tables.isEmpty(relation('jobs'))).toBe(false);
    expect(tables.isNew(relation('jobs'))).toBe(true);
  });

  it('go with a table and its index to their new names', async () => {
    const { known, tables } = await after(
      { sql: '', renamed: [{ from: relation('orders'), to: relation('purchases', 'app') }] },
      { sql: '', renamed: [{ from: relation('orders_pkey', 'app'), to: relation('key', 'app') }] },
    );
    expect(known).toEqual(['app.purchases 1000000', 'public.part 1000000']);
    const [table, part] = tables.facts?.tables ?? [];
    expect(table?.indexes[0]?.name).toBe('key');
    expect(part?.partitionOf).toEqual({ schema: 'app', name: 'purchases' });
  });

  it('are those of the new table where one was dropped and created again', async () => {
    const again = [
      { sql: 'DROP TABLE orders', dropped: [relation('orders')] },
      { sql: 'CREATE TABLE orders (id int)', created: [relation('orders')] },
    ];
    const { known, tables } = await after(...again);
    expect(known).toEqual(['public.part 1000000']);
    expect(tables.isEmpty(relation('orders'))).toBe(true);
  });
});
