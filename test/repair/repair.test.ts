import { renameSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../src/db/target.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import { applyRepair } from '../../src/repair/apply.ts';
import { diagnose } from '../../src/repair/diagnose.ts';
import { planRepair } from '../../src/repair/plan.ts';
import { withSession } from '../db/session.ts';
import { inTurn, servers, targets, withDatabase } from '../db/targets.ts';
import {
  byState,
  exists,
  projectOn,
  tracked,
  withClient,
  withProject,
  writeProject,
  type Document,
  type Project,
} from '../migrate/project.ts';
import { commitAll, gitIn } from '../migrate/git.ts';
import { writers } from './desync/folders.ts';

const files = {
  '0001_accounts.up.sql': 'CREATE TABLE accounts (id int PRIMARY KEY, name text);',
  '0002_fill.up.sql': "INSERT INTO accounts VALUES (1, 'first');",
  '0003_orders.up.sql': `CREATE TABLE orders (id int PRIMARY KEY, account int);
CREATE INDEX orders_account ON orders (account);
ALTER TABLE accounts ADD COLUMN email text;`,
  '0004_notes.up.sql': 'CREATE TABLE notes (id int PRIMARY KEY);',
};

describe.each(servers)('repair-tracking on $name', (server) => {
  const it = inTurn(server, servers);
  const repair = (project: Project, ...words: string[]) =>
    project.json('repair-tracking', ...words, '--shadow-url', server.adminUrl);

  const withApplied = (test: (project: Project) => Promise<void>) =>
    withProject(server, files, async (project) => {
      await project.dbops('migrate', 'up');
      await test(project);
    });

  it('finds nothing to do where the table is right', () =>
    withApplied(async (project) => {
      const { exitCode, migrations, sql } = await repair(project);
      expect({ exitCode, sql }).toEqual({ exitCode: 0, sql: [] });
      expect(migrations.map(({ verdict }) => verdict)).toEqual(Array(4).fill('recorded'));
    }));

  it('never marks what changes rows only, unless somebody vouches for it', () =>
    withApplied(async (project) => {
      await project.query('DELETE FROM dbops.migrations');
      const shown = await repair(project);
      expect(verdictsOf(shown)).toEqual(['proven', 'unprovable', 'proven', 'proven']);
      expect((await repair(project, '--apply')).exitCode).toBe(0);
      expect(await tracked(project)).toEqual(['0001_accounts', '0003_orders', '0004_notes']);
      const vouched = await repair(project, '--assume', '0002_fill', '--apply');
      expect(vouched).toMatchObject({ exitCode: 0, next: { runs: [] } });
      expect(await tracked(project)).toHaveLength(4);
    }));

  it('takes a default that was changed by hand for drift where later migrations were applied', () =>
    withProject(
      server,
      { ...files, '0001_accounts.up.sql': 'CREATE TABLE accounts (id int DEFAULT 1, name text);' },
      async (project) => {
        await project.dbops('migrate', 'up');
        await project.query('ALTER TABLE accounts ALTER id SET DEFAULT 7');
        await project.query('DELETE FROM dbops.migrations');
        const shown = await repair(project, '--apply', '--assume', '0002_fill');
        expect(shown).toMatchObject({
          exitCode: 0,
          next: { runs: [] },
          findings: [{ code: 'drift', where: { object: '0001_accounts' } }],
        });
        expect(verdictsOf(shown)).toEqual(['proven', 'unprovable', 'proven', 'proven']);
        expect(verdictsOf(await repair(project))).toEqual(Array(4).fill('recorded'));
        const status = await project.json('migrate', 'status');
        expect(byState(status)).toEqual({ applied: status.migrations.map(({ name }) => name) });
        const verified = await project.json('verify', 'schema', '--shadow-url', server.adminUrl);
        expect(verified).toMatchObject({ exitCode: 4, findings: [{ code: 'different-column' }] });
      },
    ));

  it('does not take back what later migrations follow', () =>
    withApplied(async (project) => {
      await project.query('DROP INDEX orders_account; DELETE FROM dbops.migrations');
      const shown = await repair(project);
      expect(verdictsOf(shown)).toEqual(['proven', 'unprovable', 'partial', 'proven']);
      expect(JSON.stringify(shown)).not.toContain('--take-back');
      const refused = await repair(project, '--take-back', '0003_orders', '--apply');
      expect(refused).toMatchObject({ exitCode: 6, error: { code: 'REPAIR.NOT_PROVEN' } });
    }));

  it('refuses to vouch for what the catalog shows to be absent', () =>
    withProject(server, files, async (project) => {
      await project.dbops('migrate', 'up', '--to', '0003');
      const refused = await repair(project, '--assume', '0004_notes', '--apply');
      expect(refused).toMatchObject({ exitCode: 2, error: { code: 'REPAIR.ABSENT' } });
    }));

  it('distinguishes a gap from what a later migration changed again', () =>
    withProject(
      server,
      {
        '0001_a.up.sql': 'CREATE TABLE a (id int DEFAULT 1);',
        '0002_two.up.sql': 'ALTER TABLE a ALTER id SET DEFAULT 2;',
        '0003_hole.up.sql': 'CREATE TABLE branch (id int);',
        '0004_three.up.sql': 'ALTER TABLE a ALTER id SET DEFAULT 3; CREATE TABLE b (id int);',
        '0005_gone.up.sql': 'CREATE TABLE passing (id int);',
        '0006_again.up.sql': 'DROP TABLE passing;',
        '0007_last.up.sql': 'CREATE TABLE c (id int);',
      },
      async (project) => {
        // A push: the schema without the hole, and without a row.
        await project.query(
          'CREATE TABLE a (id int DEFAULT 3); CREATE TABLE b (id int); CREATE TABLE c (id int)',
        );
        const shown = await repair(project, '--apply');
        expect(verdictsOf(shown)).toEqual([
          'proven',
          'superseded',
          'absent',
          'proven',
          'superseded',
          'proven',
          'proven',
        ]);
        expect(await tracked(project)).not.toContain('0003_hole');
        expect(shown['next']).toMatchObject({ stops: expect.stringContaining('0003_hole') });
        expect((await project.dbops('migrate', 'up', '--allow-out-of-order')).exitCode).toBe(0);
        expect((await repair(project)).exitCode).toBe(0);
      },
    ));

  it('finishes a half-run module by what it sends, and takes it back', () =>
    withProject(
      server,
      {
        '0001_a.ts':
          "import { sql } from 'kysely'; export const up = async (db: any) => { await sql`CREATE TABLE a (id int)`.execute(db); await db.schema.createTable('b').addColumn('id', 'integer').execute(); };",
      },
      async (project) => {
        await project.query('CREATE TABLE a (id int)');
        const shown = await repair(project);
        expect(shown.migrations).toMatchObject([
          {
            verdict: 'partial',
            statements: [
              { sql: 'CREATE TABLE a (id int)', state: 'in' },
              { sql: 'create table "b" ("id" integer)', state: 'missing' },
            ],
          },
        ]);
        expect((await repair(project, '--take-back', '0001_a', '--apply')).exitCode).toBe(0);
        expect(await exists(project, 'a')).toBe(false);
        await project.query('CREATE TABLE a (id int)');
        const finished = await repair(project, '--finish', '0001_a', '--apply');
        expect(finished).toMatchObject({ exitCode: 0, next: { runs: [] } });
        expect(await exists(project, 'b')).toBe(true);
      },
    ));

  it('does not finish a module whose values only it has', () =>
    withProject(
      server,
      {
        '0001_a.ts':
          "import { sql } from 'kysely'; export const up = async (db: any) => { await sql`CREATE TABLE a (id int)`.execute(db); await sql`CREATE TABLE b (id int)`.execute(db); await db.insertInto('a').values({ id: 1 }).execute(); };",
      },
      async (project) => {
        await project.query('CREATE TABLE a (id int)');
        const refused = await repair(project, '--finish', '0001_a', '--apply');
        expect(refused).toMatchObject({ exitCode: 6, error: { code: 'REPAIR.NOT_PROVEN' } });
        expect(await exists(project, 'b')).toBe(false);
      },
    ));

  it('shows which statements of a half-run file are in, and finishes it', () =>
    withProject(server, files, async (project) => {
      await project.dbops('migrate', 'up', '--to', '0002');
      await project.query(files['0003_orders.up.sql'].split(';').slice(0, 1).join(';'));
      await project.query('ALTER TABLE accounts ADD COLUMN email text');
      const shown = await repair(project);
      expect(shown.migrations[2]).toMatchObject({
        verdict: 'partial',
        statements: [
          { line: 1, state: 'in' },
          { line: 2, state: 'missing' },
          { line: 3, state: 'in' },
        ],
      });
      expect(shown.exitCode).toBe(6);
      const finished = await repair(project, '--finish', '0003_orders', '--apply');
      expect(finished).toMatchObject({ exitCode: 0, next: { runs: ['0004_notes'] } });
      expect(await exists(project, 'orders_account')).toBe(true);
      expect(await tracked(project)).toContain('0003_orders');
    }));

  it('reverts the statements that were run of a file, and saves its rows', () =>
    withProject(server, files, async (project) => {
      await project.dbops('migrate', 'up', '--to', '0002');
      await project.query('CREATE TABLE orders (id int PRIMARY KEY, account int)');
      await project.query('INSERT INTO orders VALUES (7, 1)');
      const back = await repair(project, '--take-back', '0003_orders', '--apply');
      expect(back).toMatchObject({ exitCode: 0, next: { runs: ['0003_orders', '0004_notes'] } });
      expect(await exists(project, 'orders')).toBe(false);
      expect((await project.dbops('migrate', 'up')).exitCode).toBe(0);
      await project.dbops('rescue', 'restore', '0003_orders');
      expect(await project.query('SELECT id FROM orders')).toEqual([{ id: 7 }]);
    }));

  it('changes nothing where finishing is not proven', () =>
    withProject(server, files, async (project) => {
      await project.dbops('migrate', 'up', '--to', '0002');
      await project.query('CREATE TABLE orders (id int PRIMARY KEY, account bigint)');
      const refused = await repair(project, '--finish', '0003_orders', '--apply');
      expect(refused).toMatchObject({ exitCode: 6, error: { code: 'REPAIR.NOT_PROVEN' } });
      expect(await exists(project, 'orders_account')).toBe(false);
    }));

  it('removes the row of what is not there, so that it is applied', () =>
    withProject(server, files, async (project) => {
      await project.dbops('migrate', 'up', '--to', '0003');
      await project.query(`INSERT INTO dbops.migrations (name, hash) VALUES ('0004_notes', 'x')`);
      const [{ hash } = { hash: '' }] = await project.query<{ hash: string }>(
        `SELECT encode(sha256($1), 'hex') AS hash`,
        [files['0004_notes.up.sql']],
      );
      await project.query(`UPDATE dbops.migrations SET hash = $1 WHERE name = '0004_notes'`, [
        hash,
      ]);
      const done = await repair(project, '--apply');
      expect(done.migrations[3]).toMatchObject({
        verdict: 'recorded-but-absent',
        action: 'remove row',
      });
      expect((await project.dbops('migrate', 'up')).exitCode).toBe(0);
      expect(await exists(project, 'notes')).toBe(true);
    }));

  it('gives a renamed file its row, by its content and by its name', () =>
    withApplied(async (project) => {
      const folder = `${project.root}/migrations`;
      renameSync(`${folder}/0004_notes.up.sql`, `${folder}/0007_remarks.up.sql`);
      expect((await project.dbops('migrate', 'up')).exitCode).toBe(6);
      const done = await repair(project, '--apply');
      expect(done).toMatchObject({ exitCode: 0, next: { runs: [] } });
      expect(done.migrations.at(-1)).toMatchObject({ name: '0004_notes', verdict: 'orphan-row' });
      expect(await tracked(project)).toContain('0007_remarks');
    }));

  it('finds in git what a row without a file was', () =>
    withApplied(async (project) => {
      const folder = `${project.root}/migrations`;
      commitAll(folder);
      const git = gitIn(folder);
      git('mv', '0004_notes.up.sql', '0009_remarks.up.sql');
      project.write({ '0009_remarks.up.sql': `-- more of it\n${files['0004_notes.up.sql']}` });
      git('rm', '--quiet', '--cached', '0002_fill.up.sql');
      git('add', '.');
      git('commit', '--quiet', '-m', 'two');
      const done = await repair(project, '--apply');
      expect(done.exitCode).toBe(0);
      expect(await tracked(project)).toContain('0009_remarks');
    }));

  it('distinguishes an equivalent edit from a change', () =>
    withApplied(async (project) => {
      project.write({
        '0003_orders.up.sql': `-- orders\n${files['0003_orders.up.sql']}`,
        '0004_notes.up.sql': `${files['0004_notes.up.sql']} ALTER TABLE notes ADD COLUMN text text;`,
      });
      const done = await repair(project, '--apply');
      expect(verdictsOf(done).slice(2)).toEqual(['edited-equivalent', 'edited-changed']);
      expect(done.exitCode).toBe(6);
      const status = await project.json('migrate', 'status');
      expect(status.migrations.map(({ state }) => state).slice(2)).toEqual(['applied', 'edited']);
    }));

  it('judges what can be judged of a folder that does not replay, and names what fails', () =>
    withProject(server, files, async (project) => {
      await project.query('CREATE TABLE made_by_hand (id int)');
      project.write({
        '0002_fill.up.sql':
          'CREATE TABLE extra (id int);\nALTER TABLE made_by_hand ADD COLUMN x int;',
        '0005_late.up.sql': 'CREATE VIEW broken AS SELECT * FROM nowhere;',
      });
      await project.dbops('migrate', 'up', '--into-existing', '--to', '0004');
      await project.query('DELETE FROM dbops.migrations');
      const shown = await repair(project);
      expect(verdictsOf(shown)).toEqual(['proven', 'proven', 'proven', 'proven', 'unprovable']);
      expect(shown['skipped']).toMatchObject([
        { name: '0002_fill', place: expect.stringContaining('0002_fill.up.sql:2') },
        { name: '0005_late', place: expect.stringContaining('0005_late.up.sql:1') },
      ]);
    }));

  it('reports hundreds of objects that no migration makes, and takes none for a proof', () =>
    withProject(server, files, async (project) => {
      const many = Array.from({ length: 400 }, (_, at) => `CREATE TABLE other_${at} (id int)`);
      await project.query(many.join('; '));
      const shown = await repair(project);
      expect(shown.exitCode).toBe(0);
      expect(verdictsOf(shown)).toEqual(['absent', 'unprovable', 'absent', 'absent']);
      expect(shown['unexplained']).toHaveLength(400);
    }));

  it('changes nothing with the folder of another project', () =>
    withApplied(async (project) => {
      const other = projectOn(
        project.url,
        writeProject({ 'migrations/0001_else.up.sql': 'CREATE TABLE elsewhere (id int);' }),
      );
      const before = await project.query('SELECT * FROM dbops.migrations');
      const refused = await repair(other, '--apply');
      expect(refused).toMatchObject({ exitCode: 6, error: { code: 'REPAIR.FOREIGN_FOLDER' } });
      expect(await project.query('SELECT * FROM dbops.migrations')).toEqual(before);
    }));

  it('writes nothing when the database changed since it was looked at', () =>
    withApplied(async (project) => {
      await project.query(`DELETE FROM dbops.migrations WHERE name = '0004_notes'`);
      const folder = readFolder({ migrations: `${project.root}/migrations`, root: project.root });
      await withSession(project.url, async (session) => {
        const { migrations, format, tracking } = folder;
        const wanted = {
          migrations,
          format,
          targetNames: { database: 'postgres', roles: [] },
          scope: { ignore: [] },
          server: parseTarget(server.adminUrl),
          environment: {},
          signal: new AbortController().signal,
        };
        const diagnosis = await diagnose(session, folder, wanted);
        const { judgements, live, changesData } = diagnosis;
        const plan = planRepair({
          judgements,
          migrations,
          form: tracking.rows,
          rows: live.rows ?? [],
          assumed: new Set(),
          changesData,
        });
        expect(plan.actions).toHaveLength(1);
        for (const change of [
          'DROP TABLE notes',
          `DELETE FROM dbops.migrations WHERE name = '0001_accounts'`,
        ]) {
          await project.query(change);
          const writing = applyRepair(session, {
            folder,
            wanted,
            plan,
            diagnosis,
            lockTimeout: 2_000,
          });
          await expect(writing).rejects.toMatchObject({ code: 'REPAIR.CHANGED', exitCode: 6 });
        }
      });
      expect(await tracked(project)).not.toContain('0004_notes');
    }));

  it('does not take back a repair over rows that were written since', () =>
    withProject(server, files, async (project) => {
      await project.dbops('migrate', 'up', '--to', '0003');
      await project.query('DELETE FROM dbops.migrations');
      await repair(project, '--assume', '0002_fill', '--apply');
      expect((await project.dbops('migrate', 'up')).exitCode).toBe(0);
      const refused = await project.json('repair-tracking', '--undo');
      expect(refused).toMatchObject({ exitCode: 6, error: { code: 'REPAIR.USED_SINCE' } });
      expect(await tracked(project)).toContain('0004_notes');
    }));

  it('needs the name of a protected database to write', () =>
    withApplied(async (project) => {
      await project.query(`DELETE FROM dbops.migrations WHERE name = '0004_notes'`);
      await project.dbops('env', 'set', 'production', '--protect');
      expect((await repair(project)).exitCode).toBe(6);
      const refused = await repair(project, '--apply');
      expect(refused).toMatchObject({ exitCode: 2, error: { code: 'CONSENT.NEEDED' } });
      const name = new URL(project.url).pathname.slice(1);
      expect((await repair(project, '--apply', '--confirm', name)).exitCode).toBe(0);
    }));

  it.each([
    [
      'a column of its own that must be filled',
      "ADD COLUMN team text NOT NULL DEFAULT 'x'; ALTER TABLE dbops.migrations ALTER team DROP DEFAULT",
      1,
      'REPAIR.FAILED',
    ],
    ['a column of another type', 'ALTER applied_at TYPE text', 6, 'TRACKING.UNREADABLE'],
    ['a column that has another name', 'RENAME hash TO checksum', 6, 'TRACKING.UNREADABLE'],
  ])('leaves a tracking table alone that has %s', (_, alter, exitCode, code) =>
    withApplied(async (project) => {
      await project.query(`DELETE FROM dbops.migrations WHERE name = '0004_notes'`);
      await project.query(`ALTER TABLE dbops.migrations ${alter}`);
      const before = await project.query('SELECT * FROM dbops.migrations');
      const refused = await repair(project, '--apply');
      expect({ exitCode: refused.exitCode, code: refused.error?.code }).toEqual({ exitCode, code });
      expect(await project.query('SELECT * FROM dbops.migrations')).toEqual(before);
    }),
  );

  it('says which right is missing', () =>
    withApplied(async (project) => {
      await project.query(`DELETE FROM dbops.migrations WHERE name = '0004_notes'`);
      const role = `reader_${process.pid}_${server.major}`;
      await project.query(
        `CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA dbops TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA dbops TO ${role}`,
      );
      try {
        const url = new URL(project.url);
        url.username = role;
        const reader = projectOn(url.href, project.root);
        expect((await repair(reader)).exitCode).toBe(6);
        const refused = await repair(reader, '--apply');
        expect(refused).toMatchObject({ exitCode: 3, error: { code: 'DATABASE.RIGHT' } });
      } finally {
        await project.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    }));

  it('names the session that holds the lock of the table', () =>
    withApplied(async (project) => {
      await project.query(`DELETE FROM dbops.migrations WHERE name = '0004_notes'`);
      await withClient(project.url, async (client) => {
        await client.query('BEGIN; LOCK TABLE dbops.migrations IN ROW EXCLUSIVE MODE');
        const words = ['repair-tracking', '--apply', '--shadow-url', server.adminUrl];
        const refused = await project.dbops(...words, '--lock-timeout', '100ms');
        expect(refused).toMatchObject({
          exitCode: 7,
          stderr: expect.stringContaining('the application'),
        });
      });
      expect((await repair(project, '--apply')).exitCode).toBe(0);
    }));

  it('judges two files with one version, which have one row between them', () =>
    withDatabase(server, async (url) => {
      const twins = {
        'supabase/migrations/20260101_a.sql': 'CREATE TABLE a (id int);',
        'supabase/migrations/20260102_b.sql': 'CREATE TABLE b (id int);',
        'supabase/migrations/20260102_c.sql': 'CREATE TABLE c (id int);',
      };
      const project = projectOn(url, writeProject(twins));
      await project.query(Object.values(twins).join('\n'));
      const done = await repair(project, '--apply');
      expect(verdictsOf(done)).toEqual(['proven', 'proven', 'proven']);
      expect(done).toMatchObject({ applied: true, findings: [{ code: 'not-recorded' }] });
      const versions = await project.query('SELECT FROM supabase_migrations.schema_migrations');
      expect(versions).toHaveLength(2);
    }));

  it('closes a failed row of Prisma before it records what is there', () =>
    withDatabase(server, async (url) => {
      const steps = [
        { slug: 'a', sql: 'CREATE TABLE a (id int);' },
        { slug: 'b', sql: 'CREATE TABLE b (id int);' },
      ];
      const project = projectOn(url, writeProject(writers.prisma(steps)));
      await project.dbops('migrate', 'up');
      await project.query(
        `UPDATE _prisma_migrations SET finished_at = NULL, logs = 'ERROR: lost' WHERE migration_name ~ '_b$'`,
      );
      const done = await repair(project, '--apply');
      expect(done).toMatchObject({ exitCode: 0, next: { runs: [] } });
      expect(verdictsOf(done)).toEqual(['recorded', 'failed-row']);
      const rows = await project.query(
        `SELECT finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS closed
           FROM _prisma_migrations WHERE migration_name ~ '_b$' ORDER BY started_at`,
      );
      expect(rows).toEqual([
        { finished: false, closed: true },
        { finished: true, closed: false },
      ]);
    }));

  it('removes one of two rows of a table that has lost its key, and gives it back', () =>
    withDatabase(server, async (url) => {
      const project = projectOn(
        url,
        writeProject(writers.dbmate([{ slug: 'a', sql: 'CREATE TABLE a (id int);' }])),
      );
      await project.dbops('migrate', 'up');
      await project.query('ALTER TABLE schema_migrations DROP CONSTRAINT schema_migrations_pkey');
      await project.query('INSERT INTO schema_migrations SELECT * FROM schema_migrations');
      expect((await repair(project, '--apply')).exitCode).toBe(0);
      expect(await project.query('SELECT FROM schema_migrations')).toHaveLength(1);
      expect((await project.json('repair-tracking', '--undo')).exitCode).toBe(0);
      expect(await project.query('SELECT FROM schema_migrations')).toHaveLength(2);
    }));
});

describe.each(targets.filter(({ kind }) => kind === 'pglite'))(
  'repair-tracking on $name',
  (target) => {
    it(
      'proves, writes and undoes',
      () =>
        withProject(target, files, async (project) => {
          await project.dbops('migrate', 'up');
          await project.query(`DELETE FROM dbops.migrations WHERE name > '0003'`);
          const done = await project.json('repair-tracking', '--apply');
          expect(done).toMatchObject({ exitCode: 0, next: { runs: [] } });
          expect(await tracked(project)).toHaveLength(4);
          expect((await project.json('repair-tracking', '--undo')).exitCode).toBe(0);
          expect(await tracked(project)).toHaveLength(2);
        }),
      90_000,
    );
  },
);

function verdictsOf({ migrations }: Document): unknown[] {
  return migrations.map(({ verdict }) => verdict);
}
