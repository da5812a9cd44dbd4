import { describe, expect, it } from 'vitest';
import { newest } from '../db/targets.ts';
import { withProject, type Project } from './project.ts';

type Answer = Awaited<ReturnType<Project['json']>>;

const tables = { '0001_tables.up.sql': 'CREATE TABLE a (x int); CREATE TABLE b (x int)' };

describe.each(newest)('migrate up that meets an existing object, on $name', (server) => {
  /** The newest migration makes the index `by_x` of the table a. */
  const whereHandMade = (sql: string, test: (project: Project, up: Answer) => Promise<void>) =>
    withProject(server, tables, async (project) => {
      await project.json('migrate', 'up');
      project.write({ '0002_index.up.sql': 'CREATE INDEX by_x ON a (x)' });
      await project.query(sql);
      await test(project, await project.json('migrate', 'up'));
    });

  it('leaves with 6 where the migration proves to be in the database, and changes nothing', () =>
    whereHandMade('CREATE INDEX by_x ON a (x)', async (project, { exitCode, error }) => {
      expect(exitCode).toBe(6);
      expect(error).toMatchObject({
        code: 'TRACKING.DESYNCHRONISED',
        hint: expect.stringContaining('dbops repair-tracking'),
      });
      expect(await project.json('repair-tracking', '--apply')).toMatchObject({ exitCode: 0 });
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0, migrations: [] });
    }));

  it('leaves with 1 where only the name is taken, and does not blame the tracking table', () =>
    whereHandMade('CREATE INDEX by_x ON b (x)', async (_, { exitCode, error }) => {
      expect(exitCode).toBe(1);
      expect(error).toMatchObject({
        code: 'MIGRATION.FAILED',
        hint: expect.stringMatching(/^Something else has the name/),
      });
    }));

  it('leaves with 1 where the file itself was run in part', () =>
    withProject(server, tables, async (project) => {
      await project.json('migrate', 'up');
      project.write({
        '0002_index.up.sql':
          '-- dbops: no-transaction\nCREATE INDEX CONCURRENTLY by_x ON a (x); CREATE TABLE b (x int)',
      });
      const { exitCode, error } = await project.json('migrate', 'up');
      expect({ exitCode, code: error?.code }).toEqual({ exitCode: 1, code: 'MIGRATION.FAILED' });
    }));
});
