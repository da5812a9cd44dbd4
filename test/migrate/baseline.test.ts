import { describe, expect, it, vi } from 'vitest';
import { supabasePlatform } from '../../src/formats/supabase/platform.ts';
import { isLongRun } from '../cases.ts';
import { newest, newestAndEmbedded, type Server } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import {
  bundledFolder,
  byState,
  exists,
  tracked,
  withProject,
  withServerShadow,
  writeInto,
  type Project,
} from './project.ts';

// A shadow opens in a second, and on a busy machine in ten.
vi.setConfig({ testTimeout: 120_000 });

const files = {
  '0001_plans.up.sql': 'CREATE TABLE plans (id int PRIMARY KEY, name varchar(9) DEFAULT $$free$$)',
  '0002_names.up.sql':
    "ALTER TABLE plans ADD CONSTRAINT plans_name CHECK (name IN ('free', 'pro'))",
  '0003_late.up.sql': 'CREATE TABLE late (id int); CREATE INDEX late_id ON late (id)',
};

/** Smallest folders of other tools. */
const folders = {
  Drizzle: {
    flags: ['--migrations', 'drizzle'],
    tracking: 'drizzle.__drizzle_migrations',
    files: {
      'drizzle/0000_start.sql': 'CREATE TABLE "users" ("id" serial PRIMARY KEY);',
      'drizzle/meta/_journal.json': JSON.stringify({
        version: '7',
        dialect: 'postgresql',
        entries: [
          { idx: 0, version: '7', when: 1_700_000_000_000, tag: '0000_start', breakpoints: true },
        ],
      }),
    },
  },
  Prisma: {
    flags: ['--migrations', 'prisma/migrations'],
    tracking: '_prisma_migrations',
    files: {
      'prisma/migrations/migration_lock.toml': 'provider = "postgresql"',
      'prisma/migrations/20250101000000_start/migration.sql':
        'CREATE TABLE "User" ("id" SERIAL NOT NULL, CONSTRAINT "User_pkey" PRIMARY KEY ("id"));',
    },
  },
  knex: {
    flags: ['--format', 'knex'],
    tracking: 'knex_migrations, knex_migrations_lock',
    files: {
      'migrations/20250101000000_start.js': `exports.up = (knex) => knex.schema.createTable('users', (t) => t.increments('id'));
        exports.down = (knex) => knex.schema.dropTable('users');`,
    },
  },
};

const names = Object.keys(files).map((file) => file.replace('.up.sql', ''));

/** A database that has so many of the migrations, and no tracking. */
function withUntracked(
  target: Server,
  { migrations = files, applied }: { migrations?: Record<string, string>; applied: string },
  test: (project: Project) => Promise<void>,
): Promise<void> {
  return withServerShadow(target, migrations, async (project) => {
    await project.json('migrate', 'up', '--to', applied);
    await project.query('DROP SCHEMA dbops CASCADE');
    await test(project);
  });
}

describe.each(isLongRun ? newestAndEmbedded : newest)('migrate baseline on $name', (target) => {
  it('records all of the reference schema, and nothing is left to do', () =>
    withProject(target, {}, async (project) => {
      writeInto(project.root, bundledFolder);
      await project.json('migrate', 'up');
      const before = await tracked(project);
      await project.query('DROP SCHEMA dbops CASCADE');
      const baseline = await project.json('migrate', 'baseline');
      expect(byState(baseline)).toEqual({ recorded: before });
      expect(baseline).toMatchObject({ ok: true, format: 'dbops', differences: [] });
      expect(await tracked(project)).toEqual(before);
      expect(byState(await project.json('migrate', 'status'))).toEqual({ applied: before });
    }));
});

// One server: in what the catalogs of two differ is a matter of test/catalog.
describe.each(newest)('migrate baseline on $name', (target) => {
  it('records as many as the catalog shows, and up applies the rest', () =>
    withUntracked(target, { applied: '0002' }, async (project) => {
      const baseline = await project.json('migrate', 'baseline');
      expect(byState(baseline)).toEqual({ recorded: names.slice(0, 2), pending: ['0003_late'] });
      expect(byState(await project.json('migrate', 'up'))).toEqual({ done: ['0003_late'] });
    }));

  it('finds a folder’s middle where later files drop what earlier ones made', () =>
    withUntracked(
      target,
      {
        applied: '0005',
        migrations: {
          ...files,
          '0004_passing.up.sql': 'CREATE TABLE passing (id int); ALTER TABLE late ADD a int',
          '0005_away.up.sql': 'DROP TABLE passing; ALTER TABLE late DROP a',
          '0006_last.up.sql': 'CREATE TABLE last (id int)',
        },
      },
      async (project) => {
        const { findings, ...baseline } = await project.json('migrate', 'baseline', '--dry-run');
        expect(byState(baseline)).toEqual({
          proven: names,
          pending: ['0004_passing', '0005_away', '0006_last'],
        });
        expect(findings).toMatchObject([
          { where: { migration: '0004_passing' }, help: expect.stringMatching(/--to 0005_away$/) },
          { where: { migration: '0005_away' }, help: expect.stringMatching(/--to 0005_away$/) },
        ]);
        const named = await project.json('migrate', 'baseline', '--to', '0005_away');
        expect(byState(named)).toMatchObject({ pending: ['0006_last'] });
      },
    ));

  describe('leaves pending what left no trace', () => {
    const traceless = {
      '0001_plans.up.sql': 'CREATE TABLE plans (id int PRIMARY KEY)',
      '0002_grants.up.sql': 'GRANT SELECT ON plans TO CURRENT_USER',
      '0003_rows.up.sql': 'INSERT INTO plans VALUES (1)',
    };
    const rest = ['0002_grants', '0003_rows'];
    const withTable = (test: (project: Project) => Promise<void>, rows = '') =>
      withServerShadow(target, traceless, async (project) => {
        await project.query(`CREATE TABLE plans (id int PRIMARY KEY); ${rows}`);
        await test(project);
      });
    const plans = ({ query }: Project) => query('SELECT id FROM plans');

    it('says so, and up runs it', () =>
      withTable(async (project) => {
        const baseline = await project.json('migrate', 'baseline');
        expect(byState(baseline)).toEqual({ recorded: ['0001_plans'], pending: rest });
        expect(baseline['findings']).toMatchObject(
          rest.map((migration) => ({ code: 'no-trace', where: { migration } })),
        );
        expect(byState(await project.json('migrate', 'up'))).toEqual({ done: rest });
        expect(await plans(project)).toEqual([{ id: 1 }]);
      }));

    it('records it with --to, as the dry run advises, and says that nothing shows it', () =>
      withTable(async (project) => {
        const { stdout } = await project.dbops('migrate', 'baseline', '--dry-run');
        expect(stdout).not.toContain('exactly');
        expect(stdout).toContain('1 of 3 migrations would be recorded');
        const [, advice = ''] = /(migrate baseline --to 0003\S+)/.exec(stdout) ?? [];
        const named = await project.dbops(...advice.split(' '));
        expect(named.stdout).toContain('0003_rows is recorded because of --to');
        expect(named.stdout).not.toContain('exactly');
        expect(await tracked(project)).toEqual(['0001_plans', ...rest]);
        expect(await plans(project)).toEqual([{ id: 1 }]);
      }, 'INSERT INTO plans VALUES (1)'));

    it('takes advice after the rows are written too', () =>
      withTable(async (project) => {
        const { stdout } = await project.dbops('migrate', 'baseline');
        expect(stdout).toContain('delete the rows that were just written to dbops.migrations');
        await project.query('DELETE FROM dbops.migrations');
        const named = await project.json('migrate', 'baseline', '--to', '0003_rows');
        expect(byState(named)).toEqual({ recorded: ['0001_plans', ...rest] });
      }));

    it('informs whoever is asked for consent', () =>
      withTable(async (project) => {
        await project.dbops('env', 'set', 'production');
        const { error } = await project.json('migrate', 'baseline');
        expect(error).toMatchObject({ code: 'CONSENT.NEEDED' });
        expect(error?.message).toMatch(
          /1 migration will .* pending.*: 0002_grants, 0003_rows\. .* --to 0003_rows\./,
        );
        const named = await project.json('migrate', 'baseline', '--to', '0003');
        expect(named.error?.message).toMatch(
          /3 migrations will .* does not show whether these were applied: 0002_grants, 0003_rows\./,
        );
      }));
  });

  it('records what makes nothing but a publication, where that is there', () =>
    withUntracked(
      target,
      {
        applied: '0002',
        migrations: {
          '0001_plans.up.sql': files['0001_plans.up.sql'],
          '0002_feed.up.sql': 'CREATE PUBLICATION feed FOR TABLE plans',
          '0003_rows.up.sql': 'INSERT INTO plans VALUES (1)',
        },
      },
      async (project) => {
        expect(byState(await project.json('migrate', 'baseline'))).toEqual({
          recorded: ['0001_plans', '0002_feed'],
          pending: ['0003_rows'],
        });
      },
    ));

  it('forgets where a file was interrupted before', () =>
    withServerShadow(
      target,
      {
        '0001_plans.up.sql': 'CREATE TABLE plans (id int)',
        '0002_one.up.sql': `-- dbops: no-transaction
          ALTER TABLE plans ADD name text; CREATE UNIQUE INDEX CONCURRENTLY one ON plans (id);`,
      },
      async (project) => {
        await project.json('migrate', 'up', '--to', '0001');
        await project.query('INSERT INTO plans VALUES (1), (1)');
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 1 });
        const checkpoints = 'SELECT migration FROM dbops.checkpoints';
        expect(await project.query(checkpoints)).toEqual([{ migration: '0002_one' }]);
        await project.query(
          'DELETE FROM dbops.migrations; TRUNCATE plans; DROP INDEX IF EXISTS one; CREATE UNIQUE INDEX one ON plans (id)',
        );
        expect(byState(await project.json('migrate', 'baseline'))).toEqual({
          recorded: ['0001_plans', '0002_one'],
        });
        expect(await project.query(checkpoints)).toEqual([]);
      },
    ));

  it('refuses what is not exact, with every difference, and writes nothing', () =>
    withUntracked(target, { applied: '0003' }, async (project) => {
      await project.query("ALTER TABLE plans ALTER name SET DEFAULT 'pro'");
      await project.query('CREATE TABLE by_hand (id int)');
      const { exitCode, error, nearest, differences } = await project.json('migrate', 'baseline');
      expect({ exitCode, code: error?.code, nearest }).toEqual({
        exitCode: 4,
        code: 'BASELINE.DIFFERENT',
        nearest: '0003_late',
      });
      expect(differences).toEqual([
        { change: 'extra', kind: 'table', object: 'public.by_hand', details: [] },
        {
          change: 'different',
          kind: 'column',
          object: 'name on public.plans',
          details: [
            {
              property: 'default',
              expected: "'free'::character varying",
              live: "'pro'::character varying",
            },
          ],
        },
      ]);
      expect(await exists(project, 'dbops.migrations')).toBe(false);
    }));

  it('compares with --to, and only with it', () =>
    withUntracked(target, { applied: '0002' }, async (project) => {
      const tooMany = await project.json('migrate', 'baseline', '--to', '0003');
      expect(tooMany).toMatchObject({
        exitCode: 4,
        differences: [{ change: 'missing', kind: 'table', object: 'public.late' }],
      });
      const tooFew = await project.json('migrate', 'baseline', '--to', '0001');
      expect(tooFew).toMatchObject({
        exitCode: 4,
        differences: [{ change: 'extra', object: 'plans_name on public.plans' }],
      });
      const right = await project.json('migrate', 'baseline', '--to', '2');
      expect(byState(right)['recorded']).toEqual(names.slice(0, 2));
    }));

  it('writes nothing with --dry-run', () =>
    withUntracked(target, { applied: '0003' }, async (project) => {
      const baseline = await project.json('migrate', 'baseline', '--dry-run');
      expect({ ...byState(baseline), dryRun: baseline['dryRun'] }).toEqual({
        proven: names,
        dryRun: true,
      });
      expect(await exists(project, 'dbops.migrations')).toBe(false);
    }));

  it('refuses an empty database, and one that is tracked', () =>
    withServerShadow(target, files, async (project) => {
      const empty = await project.json('migrate', 'baseline');
      expect([empty.exitCode, empty.error?.code]).toEqual([2, 'BASELINE.EMPTY']);
      await project.json('migrate', 'up', '--to', '0001');
      const partly = await project.json('migrate', 'baseline');
      expect([partly.exitCode, partly.error?.code]).toEqual([6, 'BASELINE.TRACKED']);
      expect(await tracked(project)).toEqual(['0001_plans']);
    }));

  it('asks for consent where the database is protected', () =>
    withUntracked(target, { applied: '0003' }, async (project) => {
      await project.dbops('env', 'set', 'production');
      const refused = await project.json('migrate', 'baseline');
      expect([refused.exitCode, refused.error?.code]).toEqual([2, 'CONSENT.NEEDED']);
      expect(await exists(project, 'dbops.migrations')).toBe(false);
      const [row] = await project.query<{ name: string }>('SELECT current_database() AS name');
      const agreed = await project.json('migrate', 'baseline', '--confirm', row?.name ?? '');
      expect(byState(agreed)).toEqual({ recorded: names });
    }));

  it.each(Object.entries(folders))(
    'writes the rows of %s',
    (_, { flags, files: folder, tracking }) =>
      withServerShadow(target, {}, async (project) => {
        writeInto(project.root, folder);
        await project.json('migrate', 'up', ...flags);
        const count = `SELECT count(*)::int FROM ${tracking.split(',')[0]}`;
        await project.query(`DROP TABLE ${tracking}`);
        const baseline = await project.json('migrate', 'baseline', ...flags);
        expect(baseline).toMatchObject({ exitCode: 0, migrations: [{ state: 'recorded' }] });
        expect(await project.query(count)).toEqual([{ count: 1 }]);
        const { migrations } = await project.json('migrate', 'status', ...flags);
        expect(migrations).toMatchObject([{ state: 'applied' }]);
      }),
  );

  it('compares a Supabase database by what its migrations make, in the platform’s schemas too', () =>
    withProject(target, {}, async (project) => {
      writeInto(project.root, {
        'supabase/config.toml': '',
        'supabase/migrations/20250101000000_users.sql': `
          CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES auth.users (id));
          ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
          CREATE POLICY own ON profiles TO authenticated USING ((SELECT auth.uid()) = id);
          CREATE FUNCTION greet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
          CREATE TRIGGER greeted AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION greet();
          ALTER PUBLICATION supabase_realtime ADD TABLE profiles;`,
      });
      const baseline = (...words: string[]) =>
        project.json('migrate', 'baseline', '--migrations', 'supabase/migrations', ...words);
      await withSession(project.url, (session) => session.script(supabasePlatform.prelude));
      expect((await baseline()).error?.code).toBe('BASELINE.EMPTY');
      await project.json('migrate', 'up', '--migrations', 'supabase/migrations');
      await project.query('DROP SCHEMA supabase_migrations CASCADE');
      await project.query('CREATE TABLE auth.newer_version_of_the_platform (id int)');
      await project.query('DROP TRIGGER greeted ON auth.users');

      expect((await baseline())['differences']).toMatchObject([
        { change: 'missing', kind: 'trigger', object: 'greeted on auth.users' },
      ]);
      await project.query(
        'CREATE TRIGGER greeted AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION greet()',
      );
      expect(byState(await baseline())['recorded']).toHaveLength(1);
    }));

  it('warns of files whose rows no catalog shows', () =>
    withUntracked(
      target,
      {
        applied: '0006',
        migrations: {
          ...files,
          '0004_rows.up.sql': "INSERT INTO plans VALUES (1, 'free'); CREATE TABLE e (id int)",
          '0005_block.up.sql':
            'DO $$ BEGIN UPDATE plans SET id = id + 1; END $$; CREATE TABLE f (id int)',
          '0006_function.up.sql':
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM plans'; CREATE TABLE g (id int REFERENCES plans ON DELETE CASCADE)",
        },
      },
      async (project) => {
        const { findings } = await project.json('migrate', 'baseline');
        expect(findings).toMatchObject([
          { code: 'data-not-proven', where: { migration: '0004_rows' } },
          { code: 'data-not-proven', where: { migration: '0005_block' } },
        ]);
      },
    ));

  it('prints the first twenty differences and how many more exist', () =>
    withUntracked(target, { applied: '0003' }, async (project) => {
      const tables = Array.from({ length: 25 }, (_, at) => `CREATE TABLE t${at} (id int)`);
      await project.query(`DO $$ BEGIN ${tables.join('; ')}; END $$`);
      const { stdout, stderr } = await project.dbops('migrate', 'baseline');
      expect(stdout.match(/^extra table public\.t\d+$/gm)).toHaveLength(20);
      expect(stdout).toContain('… and 5 more');
      expect(stderr).toContain('25 differences');
    }));
});
