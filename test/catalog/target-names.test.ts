import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../src/db/target.ts';
import { prefixKeys } from '../../src/shadow/replay-cache-key.ts';
import { shadowNames } from '../../src/shadow/target-names.ts';
import { dbops } from '../../src/formats/dbops/index.ts';
import { withShadow } from '../../src/shadow/shadow.ts';
import { withSession } from '../db/session.ts';
import { inTurn, mostlyServers, newest, targets, type Target } from '../db/targets.ts';
import { withProject, type Project } from '../migrate/project.ts';

const { signal } = new AbortController();

/** A role that exists on the server of a project and that no migration creates. */
async function withRole(
  target: Target,
  test: (project: Project, role: string) => Promise<void>,
): Promise<void> {
  const role = `Role-${randomUUID()}`;
  await withProject(target, {}, async (project) => {
    await project.query(`CREATE ROLE "${role}"`);
    try {
      await test(project, role);
    } finally {
      await project.query(`DROP OWNED BY "${role}"`);
      await project.query(`DROP ROLE "${role}"`);
    }
  });
}

const table = { '0001_job.up.sql': 'CREATE TABLE job (id int PRIMARY KEY)' };

const uses: [use: string, sql: (role: string) => string][] = [
  ['a privilege on a table', (role) => `GRANT SELECT ON job TO "${role}"`],
  ['a privilege on a schema', (role) => `GRANT USAGE ON SCHEMA public TO "${role}"`],
  [
    'a policy',
    (role) =>
      `ALTER TABLE job ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON job TO "${role}" USING (true)`,
  ],
  ['an owner', (role) => `CREATE TABLE owned (id int); ALTER TABLE owned OWNER TO "${role}"`],
  ['a default privilege', (role) => `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "${role}"`],
  [
    'a DO block that looks for it',
    (role) => `DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
        CREATE TABLE without_role (id int);
      END IF;
    END $$`,
  ],
];

describe.each(targets)('roles that exist on $name', (target) => {
  const it = inTurn(target, mostlyServers);
  it.each(uses)('let %s be replayed', (_, sql) =>
    withRole(target, async ({ dbops: run, write }, role) => {
      write({ ...table, '0002_use.up.sql': sql(role) });
      expect(await run('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await run('verify', 'schema', '--grants')).toMatchObject({ exitCode: 0 });
    }),
  );

  it('let every command replay the folder', () =>
    withRole(target, async ({ dbops: run, write, query }, role) => {
      write({ ...table, '0002_use.up.sql': `GRANT SELECT ON job TO "${role}"` });
      await run('migrate', 'up');
      expect(await run('repair-tracking')).toMatchObject({ exitCode: 0 });
      const rolledBack = await run('migrate', 'down', '--dry-run');
      expect(rolledBack).toMatchObject({ exitCode: 0 });
      expect(rolledBack.stderr).not.toContain('live catalog');
      await query('DROP SCHEMA dbops CASCADE');
      expect(await run('migrate', 'baseline', '--dry-run')).toMatchObject({ exitCode: 0 });
    }));

  it('let a rollback be proven on a copy of the live catalog', () =>
    withRole(target, async ({ dbops: run, write }, role) => {
      write({ ...table, '0002_use.up.sql': `GRANT SELECT ON job TO "${role}"` });
      await run('migrate', 'up');
      const answer = await run('migrate', 'down', '--dry-run', '--shadow-from', 'live');
      expect(answer).toMatchObject({ exitCode: 0 });
    }));

  it('leave the creation of a role to the folder', () => {
    const role = `role_${randomUUID().replaceAll('-', '')}`;
    return withProject(target, {}, async ({ dbops: run, write, query }) => {
      write({
        ...table,
        '0002_role.up.sql': `CREATE ROLE ${role}; GRANT SELECT ON job TO ${role}`,
      });
      try {
        expect(await run('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await run('verify')).toMatchObject({ exitCode: 0 });
      } finally {
        await query(`DROP OWNED BY ${role}`);
        await query(`DROP ROLE ${role}`);
      }
    });
  });
});

describe.each(newest)('roles created on $name', ({ adminUrl }) => {
  const rolesIn = (names: readonly string[]) =>
    withSession(adminUrl, async (session) => {
      const rows = await session.query<{ rolname: string; rolcanlogin: boolean }>(
        'SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname = ANY ($1) ORDER BY 1',
        [names],
      );
      return rows.map(({ rolname, rolcanlogin }) => [rolname, rolcanlogin]);
    });
  const shadowWith = (roles: string[], work: () => Promise<void>) => {
    const names = { isDatabaseNamed: false, roles };
    return withShadow({ server: parseTarget(adminUrl), signal, names }, work);
  };

  it('cannot log in, and are dropped after the last shadow that uses them', async () => {
    const [one, two] = [`a_${randomUUID()}`, `b_${randomUUID()}`];
    await shadowWith([one, two], async () => {
      const created = [
        [one, false],
        [two, false],
      ];
      expect(await rolesIn([one, two])).toEqual(created);
      await shadowWith([one], async () => {});
      expect(await rolesIn([one, two])).toEqual(created);
    });
    // A shadow of another test may use created roles at this moment: then it drops these as well.
    await expect.poll(() => rolesIn([one, two]), { timeout: 60_000 }).toEqual([]);
  });

  it('do not include those of the server', async () => {
    const role = `own_${randomUUID()}`;
    await withSession(adminUrl, (session) => session.script(`CREATE ROLE "${role}" LOGIN`));
    try {
      await shadowWith([role], async () => {});
      expect(await rolesIn([role])).toEqual([[role, true]]);
    } finally {
      await withSession(adminUrl, (session) => session.script(`DROP ROLE "${role}"`));
    }
  });
});

describe('the names that a folder depends on', () => {
  const namesIn = (sql: string) =>
    shadowNames(
      { database: 'Shop', roles: ['App', 'other'] },
      {
        migrations: [{ name: '0001_a', hash: '', up: { kind: 'sql', file: '', sql } }],
        format: dbops,
      },
    );

  it.each([
    ['GRANT SELECT ON a TO "App"', { isDatabaseNamed: false, roles: ['App'] }],
    ['SELECT 1', { isDatabaseNamed: false, roles: [] }],
    ['CREATE ROLE "App"; GRANT SELECT ON a TO "App"', { isDatabaseNamed: false, roles: [] }],
    ['ALTER DATABASE "Shop" SET a.b = 1', { database: 'Shop', isDatabaseNamed: true, roles: [] }],
    ['-- the database "Shop"\nSELECT 1', { database: 'Shop', isDatabaseNamed: false, roles: [] }],
    ['SELECT current_database()', { database: 'Shop', isDatabaseNamed: false, roles: [] }],
    [`SELECT current_database() = 'Shop'`, { database: 'Shop', isDatabaseNamed: true, roles: [] }],
  ])('are known for %s', (sql, names) => expect(namesIn(sql)).toEqual(names));
});

describe('the cached replay of a folder', () => {
  const keysFor = (database: string, sql: string) =>
    prefixKeys({
      migrations: [{ name: '0001_a', hash: '', up: { kind: 'sql', file: '', sql } }],
      format: dbops,
      targetNames: { database, roles: [] },
      scope: { ignore: [] },
      environment: {},
      signal,
    });

  it.each([
    '-- the database\nSELECT 1',
    "SELECT 'a'; /* the database */ SELECT 1 -- pg_database",
    String.raw`SELECT E'\\' -- the database`,
    `SELECT "a""'" -- it's the database`,
  ])('serves databases of every name after %s', (sql) => {
    expect(keysFor('Shop', sql)).toEqual(keysFor('other', sql));
  });

  it.each([
    'SELECT current_database()',
    'SELECT 1 FROM Pg_Database',
    "SELECT '--', current_database()",
    "SELECT '/*' || current_catalog || '*/'",
    String.raw`SELECT E'\' -- ' || current_database()`,
    `SELECT "--" FROM pg_database, "--"`,
    'DO $$ BEGIN EXECUTE $a$ -- $a$ || current_database(); END $$',
    'SELECT a$$, $$ -- $$ || current_database()',
    '/* a /* b */ */ SELECT current_database()',
  ])('serves no database of another name after %s', (sql) => {
    expect(keysFor('Shop', sql)).not.toEqual(keysFor('other', sql));
  });
});

const namings: [use: string, sql: (database: string) => string][] = [
  ['a setting of the database', (name) => `ALTER DATABASE ${name} SET work_mem = '5MB'`],
  ['a comment on the database', (name) => `COMMENT ON DATABASE ${name} IS 'ours'`],
  ['a privilege on the database', (name) => `GRANT CONNECT ON DATABASE ${name} TO public`],
  [
    'a DO block that compares the name',
    (name) => `DO $$ BEGIN
      IF current_database() = '${name}' THEN CREATE TABLE here (id int); END IF;
    END $$`,
  ],
];

describe.each(targets)('the name of a database on $name', (target) => {
  const it = inTurn(target);
  it.each(namings)('lets %s be replayed', (_, sql) =>
    withProject(target, {}, async ({ dbops: run, write, query }) => {
      const [row] = await query<{ name: string }>('SELECT current_database() AS name');
      write({ ...table, '0002_name.up.sql': sql(row?.name ?? '') });
      expect(await run('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await run('verify', 'schema')).toMatchObject({ exitCode: 0 });
      const rolledBack = await run('migrate', 'down', '--dry-run');
      expect(rolledBack.stderr).not.toContain('live catalog');
      if (sql('x').includes('here')) expect(rolledBack.stdout).toContain('DROP TABLE');
    }),
  );
});

describe.each(newest)('a shadow with the name of its targetNames on $name', (target) => {
  const server = parseTarget(target.adminUrl);

  it('is created and dropped under that name', async () => {
    const database = `shop_${randomUUID()}`;
    const names = { database, isDatabaseNamed: true, roles: [] };
    await withShadow({ server, signal, names }, async (shadow) => {
      expect(await shadow.query('SELECT current_database() AS name')).toEqual([{ name: database }]);
    });
    await withSession(target.adminUrl, async (session) => {
      const sql = 'SELECT FROM pg_database WHERE datname = $1';
      expect(await session.query(sql, [database])).toEqual([]);
    });
  });

  it('is refused on a server that has a database of that name, which stays as it is', () =>
    withProject(target, {}, async ({ dbops: run, write, query }) => {
      const [row] = await query<{ name: string }>('SELECT current_database() AS name');
      const name = row?.name ?? '';
      write({ ...table, '0002_name.up.sql': `COMMENT ON DATABASE ${name} IS 'from the folder'` });
      await run('migrate', 'up');
      await query(`COMMENT ON DATABASE ${name} IS 'by hand'`);
      const answer = await run('verify', '--shadow-url', target.adminUrl);
      expect(answer).toMatchObject({ exitCode: 2 });
      expect(answer.stderr).toContain(`already has a database ${name}`);
      const comment = `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`;
      expect(await query(comment, [name])).toEqual([{ comment: 'by hand' }]);
    }));
});
