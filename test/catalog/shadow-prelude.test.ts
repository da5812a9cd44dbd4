import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderOf, runCli } from '../cli/run-cli.ts';
import { newestAndEmbedded } from '../db/targets.ts';
import { withProject } from '../migrate/project.ts';

/** What another team owns: its schema, a table, a role, and a setting of the database. */
const theirs = `CREATE SCHEMA "Billing";
  CREATE TABLE "Billing".customer (id int PRIMARY KEY);
  CREATE FUNCTION "Billing".tenant() RETURNS text LANGUAGE sql AS $$ SELECT current_setting('app.tenant') $$;`;

const folder = {
  '0001_order.up.sql':
    'CREATE TABLE "order" (id int PRIMARY KEY, customer int REFERENCES "Billing".customer);',
  '0002_tenant.up.sql': `ALTER TABLE "order" ADD COLUMN tenant text DEFAULT "Billing".tenant();
    DO $$ BEGIN IF current_setting('app.tenant') <> 'x' THEN RAISE 'no tenant'; END IF; END $$;`,
};

describe.each(newestAndEmbedded)('a prelude of shadow databases on $name', (target) => {
  const shadow = target.kind === 'server' ? ['--shadow-url', target.adminUrl] : [];

  it('creates what the migrations expect and other teams own', () =>
    withProject(target, folder, async (project) => {
      await project.query(`${theirs}; CREATE TABLE "Billing".invoice (id int)`);
      project.write({
        '../dbops.config.json': JSON.stringify({ shadowPrelude: './db/prelude.sql' }),
        '../db/prelude.sql': `${theirs} SET app.tenant = 'x';`,
      });
      const url = new URL(project.url, 'postgres://');
      url.searchParams.set('options', '-c app.tenant=x');
      const at = target.kind === 'server' ? ['--database-url', url.href] : [];
      if (target.kind === 'pglite')
        project.write({
          '0002_tenant.up.sql': `SET app.tenant = 'x'; ${folder['0002_tenant.up.sql']}`,
        });
      const run = (...words: string[]) => project.dbops(...words, ...at, ...shadow);
      expect(await run('migrate', 'up', '--into-existing')).toMatchObject({ exitCode: 0 });
      const verified = await run('verify');
      expect({ ...verified }).toMatchObject({ exitCode: 0 });
      const down = await run('migrate', 'down', '--to', '0');
      expect(down.stderr).not.toContain('copied from the live catalog');
      expect(down).toMatchObject({ exitCode: 0 });
      expect(
        await project.query(
          `SELECT relname FROM pg_class WHERE relname IN ('order', 'customer', 'invoice')`,
        ),
      ).toHaveLength(2);
    }));
});

describe('a prelude', () => {
  it('is reported with its file and line where it does not run', async () => {
    const cwd = folderOf({
      'dbops.config.json': JSON.stringify({ shadowPrelude: 'prelude.sql' }),
      'prelude.sql': 'CREATE SCHEMA a;\nCREATE TABLE a.b (id intt);\n',
      'migrations/0001_a.up.sql': 'CREATE TABLE t (id int);',
    });
    await runCli(['migrate', 'up', '--database-url', 'pglite:data'], { cwd });
    const { exitCode, stderr } = await runCli(['verify', '--database-url', 'pglite:data'], { cwd });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('SHADOW.PRELUDE');
    expect(stderr).toMatch(/prelude\.sql:2\n/);
    expect(stderr).toContain('type "intt" does not exist');
  });

  it('is proposed by init for what no migration creates', async () => {
    const cwd = folderOf({
      'migrations/0001_a.up.sql': `CREATE TABLE "Billing".a (id int); GRANT SELECT ON "Billing".a TO "Reporter";`,
      'migrations/0002_b.up.sql': 'CREATE TABLE b (id int REFERENCES "Billing"."Customer");',
    });
    const { exitCode, stdout } = await runCli(['init'], { cwd });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Complete prelude.sql');
    const sql = readFileSync(join(cwd, 'prelude.sql'), 'utf8');
    expect(sql).toMatch(/^CREATE SCHEMA "Billing"; {2}-- migrations\/0001_a\.up\.sql:1$/m);
    expect(sql).toMatch(/^CREATE ROLE "Reporter"; {2}-- migrations\/0001_a/m);
    expect(sql).toMatch(/^-- CREATE TABLE "Billing"\."Customer" …; {2}-- migrations\/0002_b/m);
    const config = readFileSync(join(cwd, 'dbops.config.ts'), 'utf8');
    expect(config).toContain("shadowPrelude: './prelude.sql'");
  });

  it('is not proposed for a folder that runs on an empty database', async () => {
    const cwd = folderOf({ 'migrations/0001_a.up.sql': 'CREATE TABLE a (id int);' });
    expect(await runCli(['init'], { cwd })).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(cwd, 'dbops.config.ts'), 'utf8')).not.toContain('shadowPrelude');
  });
});

it('never advises to correct a file that was applied', () =>
  withProject(
    newestAndEmbedded[0] ?? expect.fail(),
    { '0001_a.up.sql': 'CREATE TABLE a (id int REFERENCES theirs.b);' },
    async (project) => {
      await project.query('CREATE SCHEMA theirs; CREATE TABLE theirs.b (id int PRIMARY KEY)');
      await project.dbops('migrate', 'up', '--into-existing');
      const { stderr } = await project.dbops('verify');
      expect(stderr).toContain('shadowPrelude');
      expect(stderr).not.toMatch(/correct/i);
    },
  ));
