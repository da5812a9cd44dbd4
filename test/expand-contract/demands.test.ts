import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { withServerShadow, type Project } from '../migrate/project.ts';

vi.setConfig({ testTimeout: 120_000 });

const tables = `CREATE TABLE o (id int PRIMARY KEY); INSERT INTO o SELECT generate_series(0, 4);
  CREATE TABLE t (id int, k int NOT NULL, of int, note text, CONSTRAINT t_pkey PRIMARY KEY (id));
  INSERT INTO t SELECT n, n, n % 5, 'x' || n FROM generate_series(1, 20) n;
  CREATE TABLE keyless (id int, k int); INSERT INTO keyless SELECT n, n FROM generate_series(1, 9) n;
  CREATE TABLE parted (id int, k int) PARTITION BY LIST (k); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
  INSERT INTO parted VALUES (1, 1)`;

/** Migrations that only demand something of the rows, and what the tables have then. */
const demands: [migration: string, ...has: string[]][] = [
  [
    'ALTER TABLE t ADD CONSTRAINT once UNIQUE (note) DEFERRABLE INITIALLY DEFERRED;',
    'once UNIQUE (note) DEFERRABLE INITIALLY DEFERRED',
  ],
  [
    'ALTER TABLE t ADD CHECK (k > 0), ADD FOREIGN KEY (of) REFERENCES o ON DELETE SET NULL;',
    't_k_check CHECK ((k > 0))',
    't_of_fkey FOREIGN KEY (of) REFERENCES o(id) ON DELETE SET NULL',
  ],
  ['ALTER TABLE t ALTER of SET NOT NULL;', 'of is required'],
  [
    'ALTER TABLE t DROP CONSTRAINT t_pkey, ADD CONSTRAINT t_pkey PRIMARY KEY (of, id); ALTER TABLE keyless ADD PRIMARY KEY (id);',
    't_pkey PRIMARY KEY (of, id)',
    'keyless_pkey PRIMARY KEY (id)',
  ],
];

describe.each(servers)('a demand on rows, on $name', (server) => {
  const it = inTurn(server, servers);
  it('is one file that runs where nothing is to be expanded', () =>
    withServerShadow(server, { '0001_t.up.sql': tables }, async (project) => {
      await project.json('migrate', 'up');
      for (const [at, [migration, ...has]] of demands.entries()) {
        const file = `000${at + 2}_demand`;
        project.write({ [`${file}.up.sql`]: migration });
        const cut = await project.json('migrate', 'expand-contract', file);
        expect({ migration, exitCode: cut.exitCode, error: cut.error }).toEqual({
          migration,
          exitCode: 0,
        });
        const files = readdirSync(join(project.root, 'migrations'));
        expect(files.filter((each) => each.includes('contract'))).toEqual([]);
        const up = await project.json('migrate', 'up');
        expect({ migration, exitCode: up.exitCode, error: up.error }).toEqual({
          migration,
          exitCode: 0,
        });
        expect(await constraintsOf(project)).toEqual(expect.arrayContaining(has));
      }
      const { exitCode } = await project.dbops('migrate', 'down', '--steps', '4', '--yes');
      expect(exitCode).toBe(0);
      expect(await constraintsOf(project)).toEqual(['t_pkey PRIMARY KEY (id)']);
    }));

  it('on a partitioned table is left to migrate plan', () =>
    withServerShadow(server, { '0001_t.up.sql': tables }, async (project) => {
      await project.json('migrate', 'up');
      const unique = 'ALTER TABLE parted ADD UNIQUE (k, id); CREATE INDEX i ON parted (id);';
      project.write({ '0002_x.up.sql': unique });
      const refused = await project.json('migrate', 'expand-contract', '0002_x');
      expect(refused).toMatchObject({ exitCode: 2, error: { code: 'EXPAND.UNSUPPORTED' } });
      expect(refused.error?.hint).toContain('dbops migrate plan --fix');
      project.write({ '0002_x.up.sql': `${unique} ALTER TABLE parted ADD c int NOT NULL;` });
      const words = ['--set', 'parted.c = parted.id'];
      expect(await project.json('migrate', 'expand-contract', '0002_x', ...words)).toMatchObject({
        exitCode: 0,
        notes: [expect.stringContaining('is partitioned'), expect.stringContaining('i is added')],
      });
      const up = await project.json('migrate', 'up');
      expect({ exitCode: up.exitCode, error: up.error }).toEqual({ exitCode: 0 });
    }));
});

async function constraintsOf(project: Project): Promise<string[]> {
  const rows = await project.query<{ text: string }>(
    `SELECT conname || ' ' || pg_get_constraintdef(oid) AS text FROM pg_constraint
      WHERE conrelid IN ('t'::regclass, 'keyless'::regclass) AND contype <> 'n' AND convalidated
     UNION ALL SELECT attname || ' is required' FROM pg_attribute
      WHERE attrelid = 't'::regclass AND attnotnull AND attname = 'of'`,
  );
  return rows.map(({ text }) => text);
}
