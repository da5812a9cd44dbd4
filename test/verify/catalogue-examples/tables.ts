import type { CatalogueExamples } from './example.ts';

/** 63 bytes. */
const longest = 'a_name_that_is_as_long_as_the_server_keeps_and_one_letter_more_';
const shortened = 'a_name_that_the_server_shortened_to_make_room_for_a_suffix_fkey';

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
    {
      title:
        'a unique index on NOT NULL columns, as Prisma creates it for the table of a relation, and a UNIQUE constraint',
      sql: `CREATE TABLE "_AToB" ("A" int NOT NULL, "B" int NOT NULL); CREATE UNIQUE INDEX "_AToB_AB_unique" ON "_AToB" ("A", "B");
        CREATE TABLE t (id int NOT NULL UNIQUE); CREATE TABLE u (a int NOT NULL, b int); CREATE UNIQUE INDEX ON u (a) WHERE b > 0;
        CREATE TABLE v (a int NOT NULL); CREATE UNIQUE INDEX ON v (a DESC)`,
      finds: [
        'no-primary-key:public."_AToB"',
        'no-primary-key:public.t',
        'no-primary-key:public.u',
        'no-primary-key:public.v',
      ],
      severities: ['info', 'info', 'warning', 'info'],
    },
    {
      title: 'a table of an extension',
      sql: `CREATE TABLE brought (id int); ALTER EXTENSION plpgsql ADD TABLE brought`,
      finds: [],
    },
  ],
  'replica-identity': [
    {
      title: 'a published table without a primary key',
      sql: `CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t`,
      finds: ['replica-identity:public.t'],
    },
    {
      title: 'a key that is DEFERRABLE, and REPLICA IDENTITY NOTHING',
      sql: `CREATE TABLE a (id int PRIMARY KEY DEFERRABLE); CREATE TABLE b (id int PRIMARY KEY);
        ALTER TABLE b REPLICA IDENTITY NOTHING; CREATE PUBLICATION p FOR TABLE a, b`,
      finds: ['replica-identity:public.a', 'replica-identity:public.b'],
    },
    {
      title: 'a schema that is published, with a partitioned table that is reported once',
      sql: `CREATE TABLE t (id int) PARTITION BY LIST (id); CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1);
        CREATE TABLE t_2 PARTITION OF t FOR VALUES IN (2); CREATE PUBLICATION p FOR TABLES IN SCHEMA public`,
      finds: ['replica-identity:public.t'],
    },
    {
      title: 'a partitioned table that is published as a whole',
      sql: `CREATE TABLE t (id int) PARTITION BY LIST (id); CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1);
        CREATE PUBLICATION p FOR TABLE t WITH (publish_via_partition_root)`,
      finds: ['replica-identity:public.t'],
    },
    {
      title: 'keys, REPLICA IDENTITY FULL and USING INDEX',
      sql: `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int); ALTER TABLE b REPLICA IDENTITY FULL;
        CREATE TABLE c (id int NOT NULL UNIQUE); ALTER TABLE c REPLICA IDENTITY USING INDEX c_id_key;
        CREATE PUBLICATION p FOR TABLE a, b, c`,
      finds: [],
    },
    {
      title: 'a table of which only INSERT is published, and one that is not published',
      sql: `CREATE TABLE t (id int); CREATE TABLE u (id int); CREATE PUBLICATION p FOR TABLE t WITH (publish = 'insert')`,
      finds: [],
    },
  ],
  'fk-type-mismatch': [
    {
      title: 'an integer that references a bigint, and the other way round',
      sql: `CREATE TABLE a (id bigint PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a);
        CREATE TABLE c (b_id bigint REFERENCES b)`,
      finds: [
        'fk-type-mismatch:b_a_id_fkey on public.b/a_id',
        'fk-type-mismatch:c_b_id_fkey on public.c/b_id',
      ],
      severities: ['warning', 'info'],
    },
    {
      title: 'an integer that references a numeric',
      sql: `CREATE TABLE a (id numeric PRIMARY KEY); CREATE TABLE b (a_id int REFERENCES a)`,
      finds: ['fk-type-mismatch:b_a_id_fkey on public.b/a_id'],
    },
    {
      title: 'the same types, text and varchar, and domains over the same type',
      sql: `CREATE DOMAIN key AS bigint; CREATE DOMAIN positive AS key CHECK (value > 0);
        CREATE TABLE a (id bigint PRIMARY KEY, code varchar(10) UNIQUE);
        CREATE TABLE b (a_id key REFERENCES a, a_code text REFERENCES a (code), c positive REFERENCES a)`,
      finds: [],
    },
    {
      title: 'a partitioned table, reported once',
      sql: `CREATE TABLE a (id bigint PRIMARY KEY); CREATE TABLE b (a_id int REFERENCES a) PARTITION BY LIST (a_id);
        CREATE TABLE b_1 PARTITION OF b FOR VALUES IN (1)`,
      finds: ['fk-type-mismatch:b_a_id_fkey on public.b/a_id'],
    },
  ],
  'timestamp-without-zone': [
    {
      title: 'a timestamp',
      sql: 'CREATE TABLE t (at timestamp, of timestamptz, times timestamp(3)[])',
      finds: ['timestamp-without-zone:at on public.t', 'timestamp-without-zone:times on public.t'],
    },
    {
      title: 'a timestamptz, a date and a time',
      sql: 'CREATE TABLE t (at timestamptz, day date, hour time)',
      finds: [],
    },
    {
      title: 'partitions, and a child table, which have the columns of their parents',
      sql: `CREATE TABLE t (at timestamp); CREATE TABLE c () INHERITS (t);
        CREATE TABLE p (at timestamp) PARTITION BY RANGE (at); CREATE TABLE p_1 PARTITION OF p DEFAULT`,
      finds: ['timestamp-without-zone:at on public.p', 'timestamp-without-zone:at on public.t'],
    },
  ],
  'discouraged-type': [
    {
      title: 'json, char(n) and money',
      sql: 'CREATE TABLE t (a json, b char(3), c money)',
      finds: [
        'discouraged-type:a on public.t',
        'discouraged-type:b on public.t',
        'discouraged-type:c on public.t',
      ],
    },
    {
      title: 'jsonb, text, numeric and the internal "char"',
      sql: 'CREATE TABLE t (a jsonb, b text, c numeric, d "char", e varchar(3))',
      finds: [],
    },
  ],
  'int-primary-key': [
    {
      title: 'a serial key and an identity',
      sql: `CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)`,
      finds: ['int-primary-key:id on public.a', 'int-primary-key:id on public.b'],
    },
    {
      title: 'a bigint, a code that is no sequence, and a key that is the key of another table',
      sql: `CREATE TABLE a (id bigserial PRIMARY KEY); CREATE TABLE b (code int PRIMARY KEY);
        CREATE TABLE c (a_id int, b_id int, PRIMARY KEY (a_id, b_id))`,
      finds: [],
    },
  ],
  'nullable-multi-fk': [
    {
      title: 'two columns that may be NULL',
      sql: `CREATE TABLE a (x int, y int, PRIMARY KEY (x, y));
        CREATE TABLE b (x int, y int, FOREIGN KEY (x, y) REFERENCES a)`,
      finds: ['nullable-multi-fk:b_x_y_fkey on public.b'],
    },
    {
      title: 'an optional reference within a tenant, MATCH FULL, and a CHECK on both columns',
      sql: `CREATE TABLE a (x int, y int, PRIMARY KEY (x, y));
        CREATE TABLE b (x int NOT NULL, y int, FOREIGN KEY (x, y) REFERENCES a);
        CREATE TABLE c (x int, y int, FOREIGN KEY (x, y) REFERENCES a MATCH FULL);
        CREATE TABLE d (x int, y int, FOREIGN KEY (x, y) REFERENCES a, CHECK (num_nulls(x, y) IN (0, 2)))`,
      finds: [],
    },
  ],
  'identifier-63': [
    {
      title: 'a table, a column and a constraint whose names were truncated',
      sql: `CREATE TABLE ${longest}x (${longest}y int CONSTRAINT ${longest}z CHECK (true))`,
      finds: [
        `identifier-63:public.${longest}/table`,
        `identifier-63:${longest} on public.${longest}/column`,
        `identifier-63:${longest} on public.${longest}/constraint`,
      ],
    },
    {
      title: 'an index and its table that is partitioned',
      sql: `CREATE TABLE t (a int) PARTITION BY LIST (a); CREATE INDEX ${longest} ON t (a);
        CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1)`,
      finds: [`identifier-63:${longest} on public.t/index`],
    },
    {
      title: 'names that the server or a tool shortened, whose suffix remains, and shorter names',
      sql: `CREATE TABLE t (id int PRIMARY KEY, parent int CONSTRAINT ${shortened} REFERENCES t);
        CREATE TABLE ${longest.slice(0, 62)} (id int)`,
      finds: [],
    },
  ],
  'quoted-name': [
    {
      title: 'upper case, a space, and a reserved word',
      sql: `CREATE TABLE "User" ("createdAt" date, "order" int, plain int); CREATE VIEW v AS SELECT 1 AS "a b"`,
      finds: ['quoted-name:public."User"', 'quoted-name:public.v'],
    },
    {
      title: 'words that are not reserved, digits, letters of other languages',
      sql: 'CREATE TABLE status (name text, type int, value2 int, "timestamp" date, größe int, _x$ int)',
      finds: [],
    },
  ],
  'unlogged-table': [
    {
      title: 'an UNLOGGED table',
      sql: 'CREATE UNLOGGED TABLE t (id int PRIMARY KEY)',
      finds: ['unlogged-table:public.t'],
    },
    {
      title: 'a table, and a temporary one',
      sql: 'CREATE TABLE t (id int PRIMARY KEY); CREATE TEMP TABLE u (id int)',
      finds: [],
    },
  ],
  'autovacuum-off': [
    {
      title: 'a table, and the TOAST table of another',
      sql: `CREATE TABLE a (id int) WITH (autovacuum_enabled = false);
        CREATE TABLE b (t text) WITH (toast.autovacuum_enabled = off)`,
      finds: ['autovacuum-off:public.a', 'autovacuum-off:public.b'],
    },
    {
      title: 'a table with other settings of autovacuum',
      sql: `CREATE TABLE a (id int) WITH (autovacuum_enabled = true);
        CREATE TABLE b (id int) WITH (autovacuum_vacuum_scale_factor = 0.01, fillfactor = 70)`,
      finds: [],
    },
  ],
  'reg-type-column': [
    {
      title: 'regproc, an array of regconfig, and a domain',
      sql: `CREATE DOMAIN handler AS regprocedure; CREATE TABLE t (a regproc, b regconfig[], c handler)`,
      finds: [
        'reg-type-column:a on public.t',
        'reg-type-column:b on public.t',
        'reg-type-column:c on public.t',
      ],
    },
    {
      title: 'types that pg_upgrade preserves',
      sql: 'CREATE TABLE t (a regclass, b regtype, c regrole, d oid)',
      finds: [],
    },
  ],
};
