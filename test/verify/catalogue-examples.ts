/** SQL in an empty database, and what a check finds in it. */
interface CatalogueExample {
  /** What the example shows, such as `a partitioned table`. */
  title: string;
  sql: string;
  /** Keys of the findings; none for what must not be reported. */
  finds: string[];
  /** Severities of these findings, where they differ from that of the check. */
  severities?: string[];
  /** Major version from which on the server has the syntax. */
  since?: number;
  /** The fix is left out of the test, for this reason. */
  unfixed?: string;
}

/** By the name of the check; each has at least one that is reported and one that is not. */
export const catalogueExamples: Readonly<Record<string, readonly CatalogueExample[]>> = {
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
