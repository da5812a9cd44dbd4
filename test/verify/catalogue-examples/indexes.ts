import type { CatalogueExamples } from './example.ts';

/** A table to refer to, and rows enough for a missing index to matter. */
const parent = 'CREATE TABLE parent (id int PRIMARY KEY, b int, UNIQUE (id, b))';
const rows = `INSERT INTO child (a, b) SELECT NULL, NULL FROM generate_series(1, 2000); ANALYZE child`;
const child = `${parent}; CREATE TABLE child (id serial PRIMARY KEY, a int CONSTRAINT a_fk REFERENCES parent, b int, live boolean DEFAULT true)`;
const pair = `${parent}; CREATE TABLE child (id serial PRIMARY KEY, a int, b int, CONSTRAINT ab_fk FOREIGN KEY (a, b) REFERENCES parent (id, b))`;

export const indexes: CatalogueExamples = {
  'fk-without-index': [
    {
      title: 'a key of a large table',
      sql: `${child}; ${rows}`,
      finds: ['fk-without-index:a_fk on public.child'],
    },
    {
      title: 'a key of a small table, of an empty one and of one that was never analyzed, as info',
      sql: `${child}; CREATE TABLE other (id int PRIMARY KEY, "A" int CONSTRAINT "Other_fk" REFERENCES parent); INSERT INTO other VALUES (1);
        ANALYZE other`,
      finds: [
        'fk-without-index:a_fk on public.child',
        'fk-without-index:"Other_fk" on public.other',
      ],
      severities: ['info', 'info'],
    },
    {
      title: 'a partial index on live rows, and one on the second column of the key',
      sql: `${child}; ${rows}; CREATE INDEX ON child (a) WHERE live; CREATE INDEX ON child (b, a); CREATE INDEX ON child (a) WHERE a > 0`,
      finds: ['fk-without-index:a_fk on public.child'],
    },
    {
      title: 'an index that is invalid, one of another kind, and one that only includes the column',
      sql: `${child}; ${rows}; CREATE INDEX child_a ON child (a); CREATE INDEX ON child USING brin (a); CREATE INDEX ON child (b) INCLUDE (a);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'child_a'::regclass`,
      finds: ['fk-without-index:a_fk on public.child'],
    },
    {
      title: 'one column of two, as info',
      sql: `${pair}; ${rows}; CREATE INDEX child_b ON child (b)`,
      finds: ['fk-without-index:ab_fk on public.child'],
      severities: ['info'],
      says: ['finds rows by child_b, which has only a part of the columns'],
    },
    {
      title: 'a key of a partitioned table, once, where one partition lacks an index',
      sql: `${parent}; CREATE TABLE child (id serial, a int CONSTRAINT a_fk REFERENCES parent, b int) PARTITION BY LIST (b);
        CREATE TABLE child_1 PARTITION OF child FOR VALUES IN (1); CREATE TABLE child_2 PARTITION OF child DEFAULT;
        CREATE INDEX ON child_1 (a); ${rows}`,
      finds: ['fk-without-index:a_fk on public.child'],
    },
    {
      title:
        'indexes with the columns of the key first, in another order, or WHERE they are NOT NULL',
      sql: `${child}; ${rows}; CREATE INDEX ON child (a, b) WHERE a IS NOT NULL`,
      finds: [],
    },
    {
      title: 'an index WHERE NOT (a IS NULL) OR something else',
      sql: `${child}; ${rows}; CREATE INDEX ON child (a) WHERE NOT (a IS NULL) OR live`,
      finds: [],
    },
    {
      title: 'a reversed index of two columns, and a primary key that begins with them',
      sql: `${pair}; ${rows}; CREATE INDEX ON child (b, a, id);
        CREATE TABLE third (a int, b int, c int, PRIMARY KEY (a, b, c), FOREIGN KEY (a, b) REFERENCES parent (id, b))`,
      finds: [],
    },
    {
      title: 'a hash index, and a unique index on one column of two',
      sql: `${child}; ${rows}; CREATE INDEX ON child USING hash (a);
        CREATE TABLE third (a int UNIQUE, b int, FOREIGN KEY (a, b) REFERENCES parent (id, b))`,
      finds: [],
    },
    {
      title: 'partitions that have an index each, and keys of partitions',
      sql: `${parent}; CREATE TABLE child (id serial, a int REFERENCES parent, b int) PARTITION BY LIST (b);
        CREATE TABLE child_1 PARTITION OF child FOR VALUES IN (1); CREATE TABLE child_2 PARTITION OF child DEFAULT;
        CREATE INDEX ON child_1 (a); CREATE INDEX ON child_2 (a); ${rows}`,
      finds: [],
    },
  ],
  'duplicate-index': [
    {
      title: 'two indexes of one column; names that contain the column',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE INDEX a_a ON t (a); CREATE INDEX a_b ON t (a)`,
      finds: ['duplicate-index:a_b on public.t'],
    },
    {
      title: 'a unique constraint on the primary key, to which nothing refers',
      sql: 'CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ADD CONSTRAINT "Again" UNIQUE (id)',
      finds: ['duplicate-index:"Again" on public.t'],
    },
    {
      title: 'expressions and conditions that are the same',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a text); CREATE INDEX t_1 ON t (lower(a)) WHERE id > 0; CREATE INDEX t_2 ON t (lower(a)) WHERE id > 0`,
      finds: ['duplicate-index:t_2 on public.t'],
    },
    {
      title: 'the indexes of a partitioned table, without their parts',
      sql: `CREATE TABLE p (id int, a int) PARTITION BY LIST (id); CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);
        CREATE INDEX p_a ON p (a); CREATE INDEX p_b ON p (a)`,
      finds: ['duplicate-index:p_b on public.p'],
    },
    {
      title:
        'the same columns with another operator class, collation, order, INCLUDE, condition, method or rule for NULL',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a text, b int);
        CREATE INDEX ON t (a); CREATE INDEX ON t (a text_pattern_ops); CREATE INDEX ON t (a COLLATE "C"); CREATE INDEX ON t (a DESC);
        CREATE INDEX ON t (a NULLS FIRST); CREATE INDEX ON t (a) INCLUDE (b); CREATE INDEX ON t (a) WHERE b > 0; CREATE INDEX ON t USING hash (a);
        CREATE INDEX ON t (lower(a)); CREATE INDEX ON t (a, b); CREATE INDEX ON t (b, a);
        CREATE UNIQUE INDEX u_1 ON t (b); CREATE UNIQUE INDEX u_2 ON t (b) NULLS NOT DISTINCT`,
      finds: [],
    },
    {
      title:
        'a unique key to which a foreign key refers beside the primary key, and an invalid index',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a int); ALTER TABLE t ADD CONSTRAINT again UNIQUE (id);
        UPDATE pg_constraint SET conindid = 'again'::regclass WHERE false;
        CREATE INDEX t_1 ON t (a); CREATE INDEX t_2 ON t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_2'::regclass;
        ALTER TABLE t REPLICA IDENTITY USING INDEX again`,
      finds: [],
    },
  ],
  'redundant-index': [
    {
      title: 'the columns of a unique constraint, and of a primary key',
      sql: `CREATE TABLE t (id int PRIMARY KEY, b int CONSTRAINT b_key UNIQUE); CREATE INDEX t_b ON t (b); CREATE INDEX t_id ON t (id)`,
      finds: ['redundant-index:t_b on public.t', 'redundant-index:t_id on public.t'],
      says: [
        'b_key has the same columns and is unique',
        't_pkey has the same columns and is unique',
      ],
    },
    {
      title: 'the first columns of another index, of a primary key, and of one with INCLUDE',
      sql: `CREATE TABLE t (a int, b int, c int, d int, PRIMARY KEY (a, b)); CREATE INDEX t_a ON t (a);
        CREATE INDEX t_c ON t (c); CREATE INDEX t_c_more ON t (c) INCLUDE (d); CREATE INDEX t_d ON t (d) INCLUDE (c); CREATE INDEX t_dc ON t (d, c, a)`,
      finds: [
        'redundant-index:t_a on public.t',
        'redundant-index:t_c on public.t',
        'redundant-index:t_d on public.t',
      ],
    },
    {
      title: 'UNIQUE (a) beside (a, b)',
      sql: 'CREATE TABLE t (id int PRIMARY KEY, a int UNIQUE, b int); CREATE UNIQUE INDEX ON t (a, b)',
      finds: [],
    },
    {
      title:
        'another method, operator class, collation, order, INCLUDE or condition, and the last columns',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a text, b text, c int);
        CREATE INDEX ON t (a, b) WHERE c > 0; CREATE INDEX ON t (a text_pattern_ops); CREATE INDEX ON t (a COLLATE "C");
        CREATE INDEX ON t (a DESC); CREATE INDEX ON t USING hash (a); CREATE INDEX ON t (b); CREATE INDEX ON t (a) INCLUDE (c)`,
      finds: [],
    },
  ],
  'unused-index': [
    {
      title: 'an index that was never scanned',
      sql: `CREATE TABLE t (id serial PRIMARY KEY, a int, up int REFERENCES t, u int UNIQUE); CREATE INDEX "By a" ON t (a); CREATE INDEX ON t (up)`,
      finds: ['unused-index:"By a" on public.t'],
      thresholds: { unusedDays: 0, largeTable: 0 },
    },
    {
      title: 'the index of a partitioned table, once',
      sql: `CREATE TABLE p (id int, a int) PARTITION BY LIST (id); CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1); CREATE INDEX p_a ON p (a)`,
      finds: ['unused-index:p_a on public.p'],
      thresholds: { unusedDays: 0, largeTable: 0 },
    },
    {
      title: 'statistics that are young, which is said',
      sql: 'CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX ON t (a)',
      finds: ['not-checked:unused-index'],
      severities: ['info'],
    },
    {
      title: 'an index of a small table',
      sql: 'CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX ON t (a); ANALYZE t',
      finds: [],
      thresholds: { unusedDays: 0 },
    },
  ],
  'index-bloat': [
    {
      title: 'an index whose rows were deleted',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t SELECT n, 'value ' || n FROM generate_series(1, 20000) n;
        CREATE INDEX t_a ON t (a); DELETE FROM t WHERE id % 20 <> 0; ANALYZE t`,
      finds: ['index-bloat:t_a on public.t', 'index-bloat:t_pkey on public.t'],
      says: [
        '(estimated from the statistics of ANALYZE)',
        '(estimated from the statistics of ANALYZE)',
      ],
      thresholds: { bloatBytes: 100_000 },
      unfixed: 'deleted rows are kept while their transaction is open',
    },
    {
      title: 'a full index, a small one, and one on equal values',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a text, b int); INSERT INTO t SELECT n, 'value ' || n, 1 FROM generate_series(1, 20000) n;
        CREATE INDEX t_a ON t (a); CREATE INDEX t_b ON t (b); CREATE TABLE s (id int PRIMARY KEY); INSERT INTO s VALUES (1); ANALYZE`,
      finds: [],
      thresholds: { bloatBytes: 100_000 },
    },
  ],
  'many-indexes': [
    {
      title: 'a table with eleven indexes',
      sql: `CREATE TABLE t (id int PRIMARY KEY); DO $$ BEGIN FOR i IN 1..10 LOOP EXECUTE format('CREATE INDEX ON t ((id + %s))', i); END LOOP; END $$`,
      finds: ['many-indexes:public.t'],
    },
    {
      title: 'a table with ten indexes',
      sql: `CREATE TABLE t (id int PRIMARY KEY); DO $$ BEGIN FOR i IN 1..9 LOOP EXECUTE format('CREATE INDEX ON t ((id + %s))', i); END LOOP; END $$`,
      finds: [],
    },
  ],
};
