import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openSession, type Session } from '../../../src/db/session.ts';
import { dbops } from '../../../src/formats/dbops/index.ts';
import { proveRollback } from '../../../src/rollback/prove.ts';
import type { Rollback } from '../../../src/rollback/rollback.ts';
import { describeDoubt } from '../../../src/rollback/describe.ts';

const users = `CREATE TYPE mood AS ENUM ('new', 'open');
  CREATE TABLE users (id int PRIMARY KEY, email varchar(80) NOT NULL, mood mood DEFAULT 'new');`;

const partitioned = `CREATE TABLE kind (id int PRIMARY KEY);
  CREATE TABLE ev (id int NOT NULL, at date NOT NULL, kind int REFERENCES kind, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE INDEX ON ev (note);
  CREATE TABLE "Ev 24" PARTITION OF ev FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
  CREATE TABLE plain (id int NOT NULL, at date NOT NULL, kind int, note text);
  CREATE TABLE ancestor (n int); CREATE TABLE heir () INHERITS (ancestor);
  INSERT INTO ev VALUES (1, '2024-02-02', NULL, 'a'); INSERT INTO plain VALUES (2, '2025-02-02', NULL, 'b'); INSERT INTO heir VALUES (3);`;

/** What there is, and a migration: a way back is derived, and proven. */
const provable: Record<string, [before: string, migration: string]> = {
  'an enum type renamed, with what uses it': [
    `${users} CREATE VIEW v AS SELECT mood FROM users; CREATE TABLE logs (moods mood[]);`,
    "ALTER TYPE mood RENAME TO feeling; ALTER TYPE feeling ADD VALUE 'done'",
  ],
  'an enum type rebuilt under another name': [
    users,
    `CREATE TYPE feeling AS ENUM ('new', 'open', 'done');
     ALTER TABLE users ALTER mood DROP DEFAULT, ALTER mood TYPE feeling USING mood::text::feeling, ALTER mood SET DEFAULT 'done';
     DROP TYPE mood;`,
  ],
  'a label added': [users, "ALTER TYPE mood ADD VALUE 'done' BEFORE 'open'"],
  'a label renamed': [users, "ALTER TYPE mood RENAME VALUE 'open' TO 'started'"],
  'a label taken away, which a check and an index name': [
    `${users} ALTER TABLE users ADD CONSTRAINT c CHECK (mood <> 'open' OR id > 0);
     CREATE INDEX i ON users (id) WHERE mood = 'open';`,
    `DROP INDEX i; ALTER TABLE users DROP CONSTRAINT c, ALTER mood DROP DEFAULT;
     ALTER TYPE mood RENAME TO old; CREATE TYPE mood AS ENUM ('new');
     ALTER TABLE users ALTER mood TYPE mood USING mood::text::mood, ALTER mood SET DEFAULT 'new'; DROP TYPE old`,
  ],
  'a type without a cast back': [
    'CREATE TABLE t (id int PRIMARY KEY, seen timestamptz NOT NULL DEFAULT now())',
    'ALTER TABLE t ALTER seen DROP DEFAULT, ALTER seen TYPE boolean USING true',
  ],
  'a required column that is dropped from a table with rows': [
    `${users} INSERT INTO users VALUES (1, 'a')`,
    'ALTER TABLE users DROP COLUMN email',
  ],
  'foreign keys over columns of another type': [
    'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a);',
    `ALTER TABLE b DROP CONSTRAINT b_a_fkey; ALTER TABLE a ALTER id TYPE text; ALTER TABLE b ALTER a TYPE text;
     ALTER TABLE b ADD CONSTRAINT b_a_fkey FOREIGN KEY (a) REFERENCES a;`,
  ],
  'a spelling that one more parse changes': [
    "CREATE TABLE t (v varchar(9), CONSTRAINT c CHECK (v IN ('a', 'b')))",
    "ALTER TABLE t DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (v IN ('a', 'b', 'c'))",
  ],
  'names that change places': [
    'CREATE TABLE a (x int, y text); CREATE TABLE b (z int);',
    'ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b; ALTER TABLE b RENAME x TO w; ALTER TABLE b RENAME y TO x',
  ],
  'a new table under the name of a renamed one': [
    'CREATE TABLE a (id int PRIMARY KEY)',
    'ALTER TABLE a RENAME TO old_a; CREATE TABLE a (id uuid PRIMARY KEY)',
  ],
  'a table in another schema': [
    'CREATE TABLE a (id serial PRIMARY KEY)',
    'CREATE SCHEMA s; ALTER TABLE a SET SCHEMA s; ALTER TABLE s.a RENAME id TO key',
  ],
  'rights of other roles on what comes back': [
    'CREATE TABLE a (id int); GRANT SELECT ON a TO PUBLIC; REVOKE EXECUTE ON FUNCTION pg_sleep(float8) FROM PUBLIC',
    'DROP TABLE a',
  ],
  'a function that had lost its default rights': [
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC",
    'DROP FUNCTION f()',
  ],
  'views on a column of another type': [
    'CREATE TABLE t (n int); CREATE VIEW v AS SELECT n FROM t; CREATE VIEW w AS SELECT n + 1 AS m FROM v;',
    'DROP VIEW w; DROP VIEW v; ALTER TABLE t ALTER n TYPE bigint; CREATE VIEW v AS SELECT n FROM t; CREATE VIEW w AS SELECT n + 1 AS m FROM v',
  ],
  'policies, triggers and generated columns': [
    `CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
     CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW WHEN (new.n > 0) EXECUTE FUNCTION touch();
     ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (n > 0);`,
    'DROP TABLE t; DROP FUNCTION touch()',
  ],
  partitions: [
    'CREATE TABLE p (id int, at date) PARTITION BY RANGE (at)',
    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); CREATE INDEX i ON p (id)",
  ],
  ...Object.fromEntries(
    Object.entries({
      'a partition detached': 'ALTER TABLE ev DETACH PARTITION "Ev 24"',
      'a partition detached and renamed, its parent too':
        'ALTER TABLE ev DETACH PARTITION "Ev 24"; ALTER TABLE "Ev 24" RENAME TO old; ALTER TABLE ev RENAME TO events',
      'a table attached': `ALTER TABLE ev ATTACH PARTITION plain FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')`,
      'a partition with other bounds': `ALTER TABLE ev DETACH PARTITION "Ev 24";
        ALTER TABLE ev ATTACH PARTITION "Ev 24" FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')`,
      'a table that becomes a partition of a new one under its name': `ALTER TABLE plain RENAME TO plain_old;
        CREATE TABLE plain (id int NOT NULL, at date NOT NULL, kind int, note text) PARTITION BY RANGE (at);
        ALTER TABLE plain ATTACH PARTITION plain_old DEFAULT`,
    }).map(([name, sql]): [string, [string, string]] => [name, [partitioned, sql]]),
  ),
  'an extension': ['', 'CREATE EXTENSION IF NOT EXISTS plpgsql; CREATE SCHEMA extensions'],
  'rows that the migration inserts': [
    'CREATE TABLE settings (key text PRIMARY KEY)',
    "ALTER TABLE settings ADD value text; INSERT INTO settings VALUES ('banner', 'x')",
  ],
};

/** No rollback is derived, and the doubt gives the reason. */
const refused: Record<string, [before: string, migration: string, reason: RegExp]> = {
  'a domain of another type, in use': [
    'CREATE DOMAIN d AS int; CREATE TABLE t (v d)',
    'ALTER TABLE t ALTER v TYPE int; DROP DOMAIN d; CREATE DOMAIN d AS bigint; ALTER TABLE t ALTER v TYPE d',
    /no rollback could be generated:\n {2}PostgreSQL cannot change domain public\.d while columns or other types use it$/,
  ],
  'a table that no longer inherits, whose columns are its own then': [
    partitioned,
    'ALTER TABLE heir NO INHERIT ancestor',
    /no rollback could be generated:\n {2}cannot drop inherited column "n" \(SQLSTATE 42P16\)/,
  ],
  'a partition detached from a table that is dropped': [
    partitioned,
    'ALTER TABLE ev DETACH PARTITION "Ev 24"; DROP TABLE ev',
    /no rollback could be generated:\n {2}these changes depend on one another in a circle.*: table public\."Ev 24"$/,
  ],
};

describe('a derived rollback', () => {
  let shadow: Session;
  beforeAll(async () => {
    shadow = await openSession(
      { kind: 'pglite', directory: null },
      { application: 'test', path: 'DEFAULT' },
    );
  });
  afterAll(() => shadow.close());
  beforeEach(() =>
    shadow.script(
      'ROLLBACK; RESET ALL; DROP SCHEMA IF EXISTS s, extensions CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public',
    ),
  );

  async function prove(before: string, sql: string): Promise<Rollback> {
    await shadow.script(before);
    const up = { kind: 'sql' as const, file: '0001_x.up.sql', sql };
    return (await proveRollback(shadow, { name: '0001_x', up, hash: '' }, dbops)).rollback;
  }

  it.each(Object.entries(provable))('is proven for %s', async (_, [before, migration]) => {
    const { doubts, statements, losses } = await prove(before, migration);
    expect(doubts.flatMap(describeDoubt)).toEqual([]);
    expect(statements).not.toEqual([]);
    if (before === partitioned && !migration.includes('CREATE TABLE')) expect(losses).toEqual([]);
  });

  it.each(Object.entries(refused))('is refused for %s', async (_, [before, migration, reason]) => {
    const { doubts } = await prove(before, migration);
    expect(doubts.flatMap(describeDoubt).join('\n')).toMatch(reason);
  });
});
