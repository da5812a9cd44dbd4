import type { CatalogueExamples } from './example.ts';

export const integrity: CatalogueExamples = {
  'invalid-index': [
    {
      title: 'an index that a failed build left behind',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX t_a ON t (a);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a'::regclass`,
      finds: ['invalid-index:t_a on public.t'],
      unfixed: 'REINDEX CONCURRENTLY runs outside transactions',
    },
    { title: 'a valid index', sql: 'CREATE TABLE t (id int PRIMARY KEY)', finds: [] },
  ],
  'constraint-not-validated': [
    {
      title: 'a CHECK that is NOT VALID',
      sql: 'CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0) NOT VALID',
      finds: ['constraint-not-validated:positive on public.t'],
    },
    {
      title: 'a CHECK that is validated',
      sql: 'CREATE TABLE t (id int PRIMARY KEY CHECK (id > 0))',
      finds: [],
    },
    {
      title: 'a CHECK that is NOT ENFORCED',
      sql: 'CREATE TABLE t (id int PRIMARY KEY, CHECK (id > 0) NOT ENFORCED)',
      finds: [],
      since: 18,
    },
  ],
  'unpopulated-view': [
    {
      title: 'a view WITH NO DATA',
      sql: 'CREATE MATERIALIZED VIEW v AS SELECT 1 AS one WITH NO DATA',
      finds: ['unpopulated-view:public.v'],
    },
    {
      title: 'a populated view',
      sql: 'CREATE MATERIALIZED VIEW v AS SELECT 1 AS one',
      finds: [],
    },
  ],
};
