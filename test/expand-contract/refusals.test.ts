import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { newest } from '../db/targets.ts';
import { withServerShadow } from '../migrate/project.ts';

vi.setConfig({ testTimeout: 120_000 });

const tables = `CREATE TABLE t (id int PRIMARY KEY, seen int, ruled int, guarded int, watched int, mine int, twice int GENERATED ALWAYS AS (seen * 2) STORED,
    excluded int, named int, at timestamp, code int, short varchar(5), EXCLUDE USING btree (excluded WITH =));
  INSERT INTO t (id, seen, code) SELECT n, n, n FROM generate_series(1, 20) n;
  CREATE VIEW seen AS SELECT ruled FROM t; CREATE MATERIALIZED VIEW stored AS SELECT guarded FROM t;
  ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON t USING (mine > 0);
  CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER watch BEFORE UPDATE OF watched ON t FOR EACH ROW EXECUTE FUNCTION nothing();
  CREATE FUNCTION total() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(named) FROM t; END;
  CREATE TABLE parent (id int, a int); CREATE TABLE heir () INHERITS (parent);
  CREATE TABLE parted (id int, a int, k int) PARTITION BY LIST (k);
  CREATE TABLE listed (id int PRIMARY KEY, a int); CREATE PUBLICATION listed FOR TABLE listed (id, a)`;

/** A migration that is not split, the code, and what the message or the hint names. */
const refused: [string, code: string, names: string, ...words: string[]][] = [
  ['ALTER TABLE t RENAME seen TO x;', 'UNSUPPORTED', 'generated column twice'],
  ['ALTER TABLE t RENAME twice TO x;', 'UNSUPPORTED', 't.twice is a generated column'],
  ['ALTER TABLE t RENAME ruled TO x;', 'UNSUPPORTED', 'view public.seen'],
  ['ALTER TABLE t RENAME guarded TO x;', 'UNSUPPORTED', 'view public.stored'],
  ['ALTER TABLE t RENAME mine TO x;', 'UNSUPPORTED', 'policy own on table public.t'],
  ['ALTER TABLE t RENAME watched TO x;', 'UNSUPPORTED', 'trigger watch on table public.t'],
  ['ALTER TABLE t RENAME named TO x;', 'UNSUPPORTED', 'function public.total()'],
  ['ALTER TABLE t RENAME excluded TO x;', 'UNSUPPORTED', 'constraint t_excluded_excl'],
  ['ALTER TABLE listed RENAME a TO x;', 'UNSUPPORTED', 'publication'],
  ['ALTER TABLE parent RENAME a TO x;', 'UNSUPPORTED', 'inheritance'],
  ['ALTER TABLE parted RENAME a TO x;', 'UNSUPPORTED', 'parted is partitioned'],
  ['ALTER TABLE parted ADD PRIMARY KEY (k, id);', 'UNSUPPORTED', 'plan --fix'],
  ['ALTER TABLE t ALTER short TYPE text;', 'NOTHING', 'Apply it unchanged'],
  ['ALTER TABLE t ALTER at TYPE timestamptz;', 'NOTHING', 'Apply it unchanged'],
  ['ALTER TABLE t ALTER at TYPE text;', 'UNSUPPORTED', 'TimeZone or DateStyle'],
  [`ALTER TABLE t ALTER code TYPE text USING code || at::text;`, 'UNSUPPORTED', 'other columns'],
  ['ALTER TABLE t ALTER code TYPE float USING code * random();', 'UNSUPPORTED', 'every time'],
  [`ALTER TABLE t ALTER code TYPE text USING 'n' || code;`, 'NOT_REVERSIBLE', 'code_new'],
  [
    `ALTER TABLE t ALTER code TYPE text USING 'n' || code;`,
    'SET',
    'nowhere',
    '--set',
    't.code = nowhere',
  ],
  ['ALTER TABLE t RENAME code TO x; CREATE INDEX i ON t (x);', 'MIXED', 'CREATE INDEX i ON t (x)'],
  ['ALTER TABLE t RENAME code TO x; ALTER TABLE t ALTER x TYPE bigint;', 'MIXED', 'twice'],
  ['ALTER TABLE t RENAME code TO x; UPDATE t SET x = 1;', 'MIXED', 'UPDATE t SET x = 1'],
  [
    'ALTER TABLE t DROP CONSTRAINT t_pkey CASCADE, ADD PRIMARY KEY (id, seen);',
    'CASCADE',
    'by name',
  ],
];

describe.each(newest)('migrate expand-contract on $name', (server) => {
  it('names what keeps a column from being replaced, and writes nothing', () =>
    withServerShadow(server, { '0001_t.up.sql': tables }, async (project) => {
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      for (const [migration, code, names, ...words] of refused) {
        project.write({ '0002_x.up.sql': migration });
        const { exitCode, error } = await project.json(
          'migrate',
          'expand-contract',
          '0002_x',
          ...words,
        );
        expect({ migration, exitCode, code: error?.code }).toEqual({
          migration,
          exitCode: 2,
          code: `EXPAND.${code}`,
        });
        expect(`${error?.message} ${error?.hint}`).toContain(names);
      }
      expect(readdirSync(join(project.root, 'migrations'))).toEqual([
        '0001_t.up.sql',
        '0002_x.up.sql',
      ]);
      expect(readdirSync(project.root)).not.toContain('backfills');
    }));

  it('reports a migration that does not run with its place', () =>
    withServerShadow(server, { '0001_t.up.sql': tables }, async (project) => {
      await project.json('migrate', 'up');
      project.write({ '0002_x.up.sql': 'ALTER TABLE t ALTER code TYPE interval;' });
      const { exitCode, error } = await project.json('migrate', 'expand-contract', '0002_x');
      expect({ exitCode, code: error?.code }).toEqual({ exitCode: 1, code: 'SHADOW.REPLAY' });
    }));
});
