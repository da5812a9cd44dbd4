import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { app } from '../db/app-role.ts';
import { servers, withDatabase, type Target } from '../db/targets.ts';
import { projectOn, withProject, writeFolder, type Project } from '../migrate/project.ts';

const [server] = servers;
const on = server as Target;
const a = { '0001_a.up.sql': 'CREATE TABLE a (id int);' };

/** The same project as the role that may log in and nothing more. */
function asApp({ url, root }: Project): Project {
  const other = new URL(url);
  other.username = app.user;
  other.password = app.password;
  return projectOn(other.href, root);
}

const isDoctor = { exitCode: 4 };

describe.runIf(server)('a database that is read only', () => {
  it.each(['at the first run', 'later on'])('is reported as read-only, %s', async (when) => {
    await withProject(on, a, async (project) => {
      if (when === 'later on') {
        await project.dbops('migrate', 'up');
        project.write({ '0002_b.up.sql': 'CREATE TABLE b (id int);' });
      }
      await project.query(
        `ALTER DATABASE ${new URL(project.url).pathname.slice(1)} SET default_transaction_read_only = on`,
      );
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(3);
      expect(stderr).toMatch(/read.only/);
      expect(stderr).toContain('RESET default_transaction_read_only');
      expect(stderr).toContain('dbops doctor');
      expect(stderr).not.toContain('bug');
    });
  });
});

describe.runIf(server)('a role that may not read what dbops keeps', () => {
  it('gets the missing grants, which suffice', async () => {
    await withProject(on, a, async (project) => {
      await project.dbops('migrate', 'up');
      const { dbops, json } = asApp(project);
      const refused = await json('migrate', 'status');
      expect(refused).toMatchObject({ exitCode: 3, error: { code: 'DATABASE.RIGHT' } });
      const grants = refused.error?.hint.match(/GRANT [^;]*;/g) ?? [];
      expect(grants).toEqual([
        'GRANT USAGE ON SCHEMA dbops TO app;',
        'GRANT SELECT ON dbops.migrations TO app;',
      ]);
      await project.query(grants.join(' '));
      expect((await dbops('migrate', 'status')).exitCode).toBe(0);
    });
  });

  it('gets grants that it lacks, although it may use the schema', async () => {
    await withProject(on, a, async (project) => {
      await project.dbops('migrate', 'up');
      await project.query(
        'GRANT USAGE ON SCHEMA dbops TO app; GRANT SELECT ON ALL TABLES IN SCHEMA dbops TO app',
      );
      const { dbops, json } = asApp(project);
      const doctor = await dbops('doctor');
      expect(doctor.stdout).toContain('commands that write also need CREATE on it');
      const refused = await json('env', 'set', 'staging');
      expect(refused).toMatchObject({ exitCode: 3, error: { code: 'DATABASE.RIGHT' } });
      for (const grant of refused.error?.hint.match(/GRANT [^;]*;/g) ?? [])
        await project.query(grant);
      expect(await json('env', 'set', 'staging')).toMatchObject({ exitCode: 0 });
    });
  });

  it('is reported by doctor too, which continues', async () => {
    await withProject(on, a, async (project) => {
      await project.dbops('env', 'set', 'staging');
      const { dbops } = asApp(project);
      const lacking = await dbops('doctor');
      expect(lacking).toMatchObject(isDoctor);
      expect(lacking.stdout).toMatch(/fail +own tables +app lacks USAGE on schema dbops/);
      expect(lacking.stdout).toContain('GRANT USAGE ON SCHEMA dbops TO app;');
      expect(lacking.stdout).toContain('migration lock');
      await project.query('GRANT USAGE ON SCHEMA dbops TO app');
      expect((await dbops('doctor')).stdout).toContain('app lacks SELECT on dbops.meta');
      await project.query('GRANT SELECT ON ALL TABLES IN SCHEMA dbops TO app');
      expect((await dbops('doctor')).stdout).toMatch(/ok +own tables/);
    });
  });
});

describe.runIf(server)('a tracking table', () => {
  it.each(['CREATE TABLE dbops.migrations (id int)', 'CREATE VIEW dbops.migrations AS SELECT 1 x'])(
    'that is not the table of the tool is reported as such: %s',
    async (statement) => {
      await withProject(on, a, async (project) => {
        await project.query(`CREATE SCHEMA dbops`);
        await project.query(statement);
        const { exitCode, error } = await project.json('migrate', 'status');
        expect({ exitCode, code: error?.code }).toEqual({
          exitCode: 6,
          code: 'TRACKING.UNREADABLE',
        });
        expect(error?.message).toMatch(
          /^dbops\.migrations is not a tracking table of dbops: column "name" does not exist\./,
        );
        expect(error?.hint).toContain('--tracking-table');
      });
    },
  );
});

describe.runIf(server)('a row of a tracking table', () => {
  it('with a column of another type is reported as that of another table', async () => {
    const folder = { '1_a.sql': '-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\n' };
    await withProject(on, folder, async (project) => {
      await project.query('CREATE TABLE schema_migrations (version bigint, dirty bool)');
      await project.query('INSERT INTO schema_migrations VALUES (1, false)');
      const { exitCode, error } = await project.json('migrate', 'status');
      expect({ exitCode, code: error?.code }).toEqual({
        exitCode: 6,
        code: 'TRACKING.UNREADABLE',
      });
      expect(error?.message).toContain('expected text, found a number');
    });
  });
});

describe.runIf(server)('a folder', () => {
  it.each<[string, RegExp, (folder: string) => void]>([
    ['a directory', /Cannot read .*0002_b\.up\.sql: it is a directory/, (at) => mkdirSync(at)],
    ['a circle', /Cannot read .*0002_b\.up\.sql: its symbolic links/, (at) => symlinkSync(at, at)],
    ['a link to nothing', /Cannot read .*0002_b\.up\.sql: it does/, (at) => symlinkSync('no', at)],
  ])('with %s in place of a file is reported as such: 2', async (_, message, make) => {
    await withDatabase(on, async (url) => {
      const root = writeFolder(a);
      make(join(root, 'migrations/0002_b.up.sql'));
      const { exitCode, error } = await projectOn(url, root).json('migrate', 'status');
      expect({ exitCode, code: error?.code }).toEqual({ exitCode: 2, code: 'FILE.UNREADABLE' });
      expect(error?.message).toMatch(message);
    });
  });
});

describe.runIf(server)('a row whose name no file could have', () => {
  const record = (name: string) =>
    `INSERT INTO dbops.migrations SELECT (jsonb_populate_record(m, jsonb_build_object('name', '${name}'::text))).* FROM dbops.migrations m`;

  it('forges no line, and its advice can be pasted', async () => {
    await withProject(on, a, async (project) => {
      await project.dbops('migrate', 'up');
      await project.query(record('-x\n9999_forged  applied'));
      const { stdout } = await project.dbops('migrate', 'status');
      expect(stdout).not.toMatch(/^9999_forged/m);
      expect(stdout).toContain(String.raw`-x\n9999_forged`);
      expect(stdout).toContain('from a backup');
      mkdirSync(join(project.root, '.git'));
      const versioned = await project.dbops('migrate', 'status');
      expect(versioned.stdout).toMatch(/grep -F -- -x$/m);
    });
  });

  it('and the advice for an edited file knows whether there is git', async () => {
    await withProject(on, a, async (project) => {
      await project.dbops('migrate', 'up');
      project.write({ '0001_a.up.sql': 'CREATE TABLE a (id bigint);' });
      const advice = async () => (await project.dbops('migrate', 'status')).stdout;
      expect(await advice()).toContain('(from a backup)');
      mkdirSync(join(project.root, '.git'));
      expect(await advice()).toContain('(git log -p -- ');
    });
  });

  it('nor is it invisible', async () => {
    await withProject(on, a, async (project) => {
      await project.dbops('migrate', 'up');
      await project.query(record(''));
      expect((await project.dbops('migrate', 'status')).stdout).toContain(
        '(empty name) is recorded as applied',
      );
    });
  });
});
