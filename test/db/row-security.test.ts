import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { projectOn, withProject, type Project } from '../migrate/project.ts';
import { app, inTurn, servers, withDatabase, type Server } from './targets.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Lets the application role own what it makes, and connects as it. */
async function asApp(project: Project): Promise<Project> {
  const url = new URL(project.url);
  [url.username, url.password] = [app.user, app.password];
  await project.query(`GRANT CREATE ON SCHEMA public TO ${app.user};
    DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ${app.user}', current_database()); END $$`);
  return projectOn(url.href, project.root);
}

function withApp(
  server: Server,
  files: Record<string, string>,
  test: (mine: Project, project: Project) => Promise<void>,
): Promise<void> {
  return withProject(server, files, async (project) => {
    const mine = await asApp(project);
    try {
      await test(mine, project);
    } finally {
      await project.query(`DROP OWNED BY ${app.user}`);
    }
  });
}

/** 100 invoices of 100 tenants; a policy hides every other tenant, from their owner too. */
const invoices = `CREATE TABLE tenants (id int PRIMARY KEY, plan text);
  INSERT INTO tenants SELECT n, 'plan ' || n FROM generate_series(1, 100) n;
  CREATE TABLE invoices (id int PRIMARY KEY, tenant_id int, plan text);
  INSERT INTO invoices SELECT n, n FROM generate_series(1, 100) n;
  CREATE FUNCTION plan_of(int) RETURNS text LANGUAGE plpgsql STABLE
    AS 'BEGIN RETURN (SELECT plan FROM public.tenants WHERE id = $1); END';
  CREATE POLICY even ON tenants USING (id % 2 = 0)`;

const forced = 'ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY';

const refused = {
  exitCode: 3,
  error: {
    code: 'DATABASE.ROW_SECURITY',
    message: expect.stringContaining('Row-level security hides rows of tenants from this role'),
    hint: expect.stringMatching(/^(?=.*NO FORCE ROW LEVEL SECURITY)(?=.*BYPASSRLS)/s),
  },
};

const fill = ['backfill', 'run', '--table', 'invoices', '--orphans', 'set=unknown'];

const expressions: [what: string, words: string[]][] = [
  [
    'the source',
    ['--set', 'plan = tenants.plan', '--from', 'tenants', '--on', 'tenants.id = tenant_id'],
  ],
  ['a subquery', ['--set', 'plan = (SELECT t.plan FROM tenants t WHERE t.id = tenant_id)']],
  ['a function', ['--set', 'plan = plan_of(tenant_id)']],
  [
    'a condition',
    ['--set', "plan = 'known'", '--where', 'EXISTS (SELECT FROM tenants t WHERE t.id = tenant_id)'],
  ],
];

describe.each(servers)('row-level security on $name', (server) => {
  const it = inTurn(server, servers);
  it.each(expressions)('stops a backfill whose value reads hidden rows of %s', (_, words) =>
    withApp(server, {}, async (mine) => {
      await mine.query(`${invoices}; ${forced}`);
      for (const more of [['--dry-run'], []])
        expect(await mine.json(...fill, ...words, ...more)).toMatchObject(refused);
      const written = 'SELECT count(plan)::int AS n FROM invoices';
      expect(await mine.query(written)).toEqual([{ n: 0 }]);
      await mine.query('ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY');
      expect(await mine.json(...fill, ...words)).toMatchObject({ exitCode: 0, rowsDone: 100 });
      expect(await mine.query(`${written} WHERE plan <> 'unknown'`)).toEqual([{ n: 100 }]);
    }),
  );

  it('stops a backfill of a table, or of a partition, whose rows are hidden', () =>
    withApp(server, {}, async (mine) => {
      await mine.query(`CREATE TABLE tenants (id int, plan text) PARTITION BY RANGE (id);
        CREATE TABLE low PARTITION OF tenants FOR VALUES FROM (0) TO (50);
        INSERT INTO tenants SELECT n FROM generate_series(1, 40) n;
        CREATE POLICY even ON tenants USING (id % 2 = 0); CREATE POLICY even ON low USING (id % 2 = 0);
        ${forced}`);
      const run = () => mine.json('backfill', 'run', '--table', 'tenants', '--set', "plan = 'x'");
      expect(await run()).toMatchObject(refused);
      await mine.query(`ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE low ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`);
      expect((await run()).error).toMatchObject({
        code: 'DATABASE.ROW_SECURITY',
        message: expect.stringContaining('hides rows of low'),
      });
      expect(await mine.query("SELECT FROM pg_trigger WHERE tgname LIKE 'zz_dbops%'")).toEqual([]);
    }));

  it('does not make the trigger of a backfill take a hidden row of the source for an orphan', () =>
    withApp(server, {}, async (mine, project) => {
      await project.query(`${invoices}; ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
        CREATE FUNCTION pick(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
        GRANT SELECT ON tenants TO ${app.user}; GRANT SELECT, INSERT ON invoices TO ${app.user}`);
      // A function of the path of the role: the trigger runs with the rights of the writer.
      const [, words] = expressions[0] ?? ['', []];
      const on = ['--on', 'tenants.id = pick(tenant_id)'];
      const done = await project.json(...fill, ...words.slice(0, -2), ...on);
      expect(done).toMatchObject({ exitCode: 0, rowsDone: 100 });
      await mine.query('INSERT INTO invoices VALUES (101, 1), (102, 2)');
      const stray = "SELECT count(*)::int AS n FROM invoices WHERE plan = 'unknown'";
      expect(await project.query(stray)).toEqual([{ n: 0 }]);
      await project.json(...fill, ...words.slice(0, -2), ...on);
      expect(await project.query('SELECT plan FROM invoices WHERE id > 100 ORDER BY id')).toEqual([
        { plan: 'plan 1' },
        { plan: 'plan 2' },
      ]);
    }));

  it('stops a check and a report', () =>
    withDatabase(server, async (url) => {
      const project = projectOn(url, join(import.meta.dirname, '..', '..'));
      const mine = projectOn((await asApp(project)).url, project.root);
      expect((await project.dbops('migrate', 'up')).exitCode).toBe(0);
      await project.query(`GRANT USAGE ON SCHEMA public, dbops TO ${app.user};
        GRANT SELECT ON ALL TABLES IN SCHEMA public, dbops TO ${app.user};
        ALTER TABLE plan_features OWNER TO ${app.user};
        ALTER TABLE plan_features ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`);
      try {
        for (const words of [
          ['verify', 'data'],
          ['report', 'usage'],
        ])
          expect(await mine.json(...words)).toMatchObject({
            exitCode: 3,
            error: { code: 'DATABASE.ROW_SECURITY', hint: refused.error.hint },
          });
      } finally {
        await project.query(
          `REASSIGN OWNED BY ${app.user} TO CURRENT_USER; DROP OWNED BY ${app.user}`,
        );
      }
    }));

  it('stops a rescue copy of a table that the role may empty, and not see', () =>
    withApp(server, { '0001_empty.up.sql': 'TRUNCATE tenants' }, async (mine, project) => {
      await project.query(`${invoices}; GRANT SELECT, TRUNCATE ON tenants TO ${app.user};
        ALTER TABLE tenants ENABLE ROW LEVEL SECURITY`);
      const { exitCode, error } = await mine.json('migrate', 'up', '--into-existing');
      expect({ exitCode, error }).toMatchObject({
        exitCode: 3,
        error: { hint: expect.stringContaining('BYPASSRLS') },
      });
      expect(error?.message).toContain('Row-level security hides rows of tenants');
      expect(await project.query('SELECT count(*)::int AS n FROM tenants')).toEqual([{ n: 100 }]);
    }));

  it('stops a rollback that sets a sequence from rows which it cannot see', () =>
    withApp(
      server,
      { '0001_serial.up.sql': 'CREATE TABLE tenants (id serial, plan text)' },
      async (mine) => {
        expect(await mine.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        await mine.query(`INSERT INTO tenants (plan) SELECT n FROM generate_series(1, 9) n`);
        mine.write({
          '0002_plain.up.sql':
            'ALTER TABLE tenants ALTER id DROP DEFAULT; DROP SEQUENCE tenants_id_seq',
        });
        expect(await mine.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        await mine.query(`CREATE POLICY low ON tenants USING (id < 5); ${forced}`);
        const down = await mine.json('migrate', 'down', '--unproven');
        expect(down).toMatchObject({ exitCode: 3, error: { hint: refused.error.hint } });
        await mine.query(
          'ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY; DROP POLICY low ON tenants',
        );
        expect(await mine.json('migrate', 'down')).toMatchObject({ exitCode: 0 });
        expect(await mine.query("INSERT INTO tenants (plan) VALUES ('x') RETURNING id")).toEqual([
          { id: 10 },
        ]);
      },
    ));
});
