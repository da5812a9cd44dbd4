import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { folderOf, runCli } from '../cli/run-cli.ts';
import { newestAndEmbedded } from '../db/targets.ts';
import { bundledFolder, withProject, writeInto } from '../migrate/project.ts';

const shop = `CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 1, NULL);
  CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
  CREATE TRIGGER audited BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION audit();
  CREATE TRIGGER idle BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION audit();
  ALTER TABLE t DISABLE TRIGGER idle;`;
const files = {
  '0001_shop.up.sql': shop,
  '../backfills/b.json': JSON.stringify({ targets: [{ table: 't', set: 'b = t.a' }] }),
};
const listed = z.object({ backfills: z.array(z.object({ name: z.string() })) });

describe.each(newestAndEmbedded)('the backfills of a project on $name', (target) => {
  it('are those of the project; those of the bundled application belong to its folder', () =>
    withProject(target, files, async (project) => {
      await project.dbops('migrate', 'up');
      await project.query('CREATE TABLE content_access (id int)');
      const names = async () =>
        listed.parse(await project.json('backfill', 'list')).backfills.map(({ name }) => name);
      expect(await names()).toEqual(['b']);
      writeInto(project.root, bundledFolder);
      expect(await names()).toContain('organization-id');
    }));

  it('are counted by a dry run that names the triggers which each row fires', () =>
    withProject(target, files, async (project) => {
      await project.dbops('migrate', 'up');
      const { stdout } = await project.dbops('backfill', 'run', 'b', '--dry-run');
      expect(stdout).toContain('Each changed row fires: audited on');
      expect(stdout).not.toContain('idle');
    }));
});

describe('an embedded database in .dbops', () => {
  it('is kept out of git, and an unknown backfill names the file that defines it', async () => {
    const cwd = folderOf({ 'migrations/0001_a.up.sql': 'CREATE TABLE a ();' });
    const { exitCode, stderr } = await runCli(
      ['backfill', 'run', 'prices', '--database-url', 'pglite:.dbops/pgdata'],
      { cwd },
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain(join('backfills', 'prices.json'));
    expect(readFileSync(join(cwd, '.dbops/.gitignore'), 'utf8')).toBe('*\n');
  });
});
