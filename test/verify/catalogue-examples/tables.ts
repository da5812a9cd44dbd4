import type { CatalogueExamples } from './example.ts';

export const tables: CatalogueExamples = {
  'no-primary-key': [
    {
      title: 'a table and a partitioned table, whose partition is not reported',
      sql: `CREATE TABLE "Mixed" (id int UNIQUE); CREATE TABLE p (id int) PARTITION BY LIST (id);
        CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1)`,
      finds: ['no-primary-key:public."Mixed"', 'no-primary-key:public.p'],
    },
    {
      title: 'a table with a key, and a temporary one',
      sql: 'CREATE TABLE t (id int PRIMARY KEY); CREATE TEMP TABLE scratch (id int)',
      finds: [],
    },
  ],
};
