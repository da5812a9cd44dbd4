/** A folder of constraints and indexes with all their clauses. */
export const things: Record<string, string> = {
  '0001_things.up.sql': `
  CREATE TABLE owners (id int CONSTRAINT owners_pkey PRIMARY KEY);
  CREATE TABLE things (
    id int CONSTRAINT things_pkey PRIMARY KEY, owner int CONSTRAINT things_owner REFERENCES owners ON DELETE CASCADE,
    a int CONSTRAINT things_a CHECK (a > 0), b text CONSTRAINT things_b UNIQUE, during int4range,
    CONSTRAINT things_during EXCLUDE USING gist (during WITH &&));
  CREATE INDEX things_ab ON things (a, b) WHERE a > 1;
  CREATE INDEX things_ba ON things (b) INCLUDE (a);
  CREATE UNIQUE INDEX things_ua ON things (a);
  CREATE TABLE others (id int, a int);
  CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
  CREATE INDEX parts_id ON parts (id);`,
};

/** Drops a constraint and adds it with another definition. */
export const replaced = (name: string, definition: string) =>
  `ALTER TABLE things DROP CONSTRAINT ${name}, ADD CONSTRAINT ${name} ${definition}`;
const rebuilt = (name: string, statement: string) => `DROP INDEX ${name}; CREATE ${statement}`;
const ab = ['different-index things_ab on public.things'];
const ba = ['different-index things_ba on public.things'];
const different = (name: string) => [`different-constraint ${name} on public.things`];

/** To the things: what somebody does by hand, and the codes and objects that must be told. */
export const thingMutations: [what: string, sql: string, words: string[]][] = [
  [
    'CHECK dropped',
    'ALTER TABLE things DROP CONSTRAINT things_a',
    ['missing-constraint things_a on public.things'],
  ],
  [
    'CHECK added',
    'ALTER TABLE others ADD CONSTRAINT o CHECK (a > 0)',
    ['extra-constraint o on public.others'],
  ],
  ['CHECK changed', replaced('things_a', 'CHECK (a >= 0)'), different('things_a')],
  [
    'CHECK no longer inherited',
    replaced('things_a', 'CHECK (a > 0) NO INHERIT'),
    different('things_a'),
  ],
  [
    'FK dropped',
    'ALTER TABLE things DROP CONSTRAINT things_owner',
    ['missing-constraint things_owner on public.things'],
  ],
  [
    'FK with another ON DELETE',
    replaced('things_owner', 'FOREIGN KEY (owner) REFERENCES owners ON DELETE SET NULL'),
    different('things_owner'),
  ],
  [
    'FK deferrable',
    'ALTER TABLE things ALTER CONSTRAINT things_owner DEFERRABLE',
    different('things_owner'),
  ],
  [
    'FK NOT VALID',
    replaced('things_owner', 'FOREIGN KEY (owner) REFERENCES owners ON DELETE CASCADE NOT VALID'),
    ['constraint-not-validated things_owner on public.things'],
  ],
  [
    'CHECK NOT VALID',
    replaced('things_a', 'CHECK (a > 0) NOT VALID'),
    ['constraint-not-validated things_a on public.things'],
  ],
  [
    'UNIQUE dropped',
    'ALTER TABLE things DROP CONSTRAINT things_b',
    ['missing-constraint things_b on public.things'],
  ],
  ['UNIQUE of other columns', replaced('things_b', 'UNIQUE (b, a)'), different('things_b')],
  [
    'UNIQUE with NULLS NOT DISTINCT',
    replaced('things_b', 'UNIQUE NULLS NOT DISTINCT (b)'),
    different('things_b'),
  ],
  [
    'UNIQUE as an index only',
    'ALTER TABLE things DROP CONSTRAINT things_b; CREATE UNIQUE INDEX things_b ON things (b)',
    ['missing-constraint things_b on public.things'],
  ],
  [
    'PK dropped',
    'ALTER TABLE things DROP CONSTRAINT things_pkey',
    ['missing-constraint things_pkey on public.things'],
  ],
  [
    'PK of another column',
    replaced('things_pkey', 'PRIMARY KEY (a)'),
    [...different('things_pkey'), 'different-column a on public.things'],
  ],
  [
    'EXCLUDE with another operator',
    replaced('things_during', 'EXCLUDE USING gist (during WITH -|-)'),
    different('things_during'),
  ],
  [
    'a constraint renamed',
    'ALTER TABLE things RENAME CONSTRAINT things_a TO things_aa',
    ['missing-constraint things_a on public.things', 'extra-constraint things_aa on public.things'],
  ],
  [
    'a constraint on the wrong table',
    'ALTER TABLE things DROP CONSTRAINT things_a; ALTER TABLE others ADD CONSTRAINT things_a CHECK (a > 0)',
    ['missing-constraint things_a on public.things', 'extra-constraint things_a on public.others'],
  ],
  ['column order', rebuilt('things_ab', 'INDEX things_ab ON things (b, a) WHERE a > 1'), ab],
  ['DESC', rebuilt('things_ab', 'INDEX things_ab ON things (a DESC, b) WHERE a > 1'), ab],
  [
    'NULLS FIRST',
    rebuilt('things_ab', 'INDEX things_ab ON things (a NULLS FIRST, b) WHERE a > 1'),
    ab,
  ],
  [
    'opclass',
    rebuilt('things_ab', 'INDEX things_ab ON things (a, b text_pattern_ops) WHERE a > 1'),
    ab,
  ],
  [
    'collation',
    rebuilt('things_ab', 'INDEX things_ab ON things (a, b COLLATE "POSIX") WHERE a > 1'),
    ab,
  ],
  ['predicate changed', rebuilt('things_ab', 'INDEX things_ab ON things (a, b) WHERE a > 2'), ab],
  ['predicate dropped', rebuilt('things_ab', 'INDEX things_ab ON things (a, b)'), ab],
  ['uniqueness', rebuilt('things_ab', 'UNIQUE INDEX things_ab ON things (a, b) WHERE a > 1'), ab],
  ['INCLUDE', rebuilt('things_ba', 'INDEX things_ba ON things (b) INCLUDE (id)'), ba],
  ['method', rebuilt('things_ba', 'INDEX things_ba ON things USING hash (b)'), ba],
  [
    'NULLS NOT DISTINCT',
    rebuilt('things_ua', 'UNIQUE INDEX things_ua ON things (a) NULLS NOT DISTINCT'),
    ['different-index things_ua on public.things'],
  ],
  [
    'an index made INVALID',
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'things_ba'::regclass",
    ['invalid-index things_ba on public.things'],
  ],
  [
    'what REINDEX leaves behind',
    "CREATE INDEX things_ba_ccnew1 ON things (b); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'things_ba_ccnew1'::regclass",
    [
      'extra-index things_ba_ccnew1 on public.things',
      'leftover-index things_ba_ccnew1 on public.things',
    ],
  ],
  ['a partitioned index', 'DROP INDEX parts_id', ['missing-index parts_id on public.parts']],
  [
    'an index without its partitions',
    'DROP INDEX parts_id; CREATE INDEX parts_id ON ONLY parts (id)',
    ['invalid-index parts_id on public.parts'],
  ],
  [
    'an index of one partition',
    'CREATE INDEX parts_1_at ON parts_1 (at)',
    ['extra-index parts_1_at on public.parts_1'],
  ],
  ['a table dropped', 'DROP TABLE things', ['missing-table public.things']],
  [
    'a table in another schema',
    'CREATE SCHEMA attic; ALTER TABLE others SET SCHEMA attic',
    ['missing-table public.others', 'extra-schema attic'],
  ],
];
