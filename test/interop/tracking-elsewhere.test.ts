import { describe, expect } from 'vitest';
import { readFolder } from '../../src/formats/open-folder.ts';
import { findElsewhere } from '../../src/runner/tracking-elsewhere.ts';
import { withSession } from '../db/session.ts';
import { inTurn, servers, withDatabase } from '../db/targets.ts';
import { projectOn, withClient, writeProject, type Project } from '../migrate/project.ts';
import { findingsOf } from './elsewhere.ts';
import { latest, migrator, outcome } from './kysely-project.ts';

describe.each(servers)('where the tracking table records nothing, on $name', (server) => {
  const it = inTurn(server, servers);
  const withFiles = (files: Record<string, string>, test: (project: Project) => Promise<void>) =>
    withDatabase(server, (url) => test(projectOn(url, writeProject(files))));

  const repeatable = {
    'package.json': '{ "type": "module" }',
    'migrations/0001_a.ts': `import { sql, type Kysely } from 'kysely';
      export const up = (db: Kysely<any>) => sql\`CREATE TABLE IF NOT EXISTS a (id int)\`.execute(db);`,
  };
  const elsewhere = { migrationTableSchema: 'tenant' };
  const migrateElsewhere = (place: Project) =>
    migrator(place, (kysely) => kysely.migrateToLatest(), elsewhere).then(outcome);
  const withConfig = { ...repeatable, 'kysely.config.ts': 'export default {};' };

  it('a table that is named goes before any other, and status still mentions that one', () =>
    withFiles(withConfig, async (project) => {
      await migrateElsewhere(project);
      const named = ['--tracking-table', 'kysely_migration'];
      const [finding] = findingsOf(await project.json('migrate', 'status', ...named));
      expect(finding).toMatchObject({ severity: 'info' });
      expect(
        (await project.json('migrate', 'up', '--into-existing', ...named)).migrations,
      ).toHaveLength(1);
      expect(await latest(project)).toEqual([]);
      expect(findingsOf(await project.json('migrate', 'status'))).toEqual([]);
    }));

  it('the configuration file names the table for every command', () =>
    withFiles(
      { ...withConfig, 'dbops.config.json': '{ "trackingTable": "tenant.kysely_migration" }' },
      async (project) => {
        await migrateElsewhere(project);
        expect(await project.json('migrate', 'status', '--check')).toMatchObject({ exitCode: 0 });
        expect((await project.json('migrate', 'up')).migrations).toEqual([]);
      },
    ));

  it('the rows of another tool are found and the tool is named', () =>
    withFiles(repeatable, async (project) => {
      await latest(project);
      const status = await project.json('migrate', 'status');
      expect(status['format']).toBe('dbops');
      expect(findingsOf(status)).toEqual([
        expect.objectContaining({
          message: expect.stringContaining('public.kysely_migration records 1 migration'),
          help: expect.stringMatching(/dbops migrate status --format kysely$/),
        }),
      ]);
      for (const command of ['migrate up', 'migrate down', 'migrate redo', 'verify']) {
        const refused = await project.json(...command.split(' '));
        expect(refused).toMatchObject({ exitCode: 2, error: { code: 'TRACKING.ELSEWHERE' } });
        expect(refused.error?.hint).toContain(`dbops ${command} --format kysely;`);
      }
      const asKysely = await project.json('migrate', 'status', '--check', '--format', 'kysely');
      expect(asKysely.exitCode).toBe(0);
    }));

  it.each<[string, string, Record<string, string>?]>([
    [
      'of another folder',
      `INSERT INTO other.done VALUES ('0001_other', '2026-01-01T00:00:00.000Z')`,
    ],
    [
      'of which one row is of this folder by chance',
      `INSERT INTO other.done SELECT name, '2026-01-01T00:00:00.000Z' FROM unnest(ARRAY['0001_a', '0002_x', '0003_y']) AS name`,
    ],
    [
      'of a tool that could not run these files',
      `CREATE TABLE schema_migrations (version text); INSERT INTO schema_migrations VALUES ('0001')`,
      { 'migrations/0001_a.up.sql': 'CREATE TABLE a ();' },
    ],
    ['without rows', 'SELECT'],
    [
      'of an application',
      `CREATE TABLE visits (id int, name text, run_on text); CREATE TABLE events (name int, timestamp int);
       INSERT INTO visits VALUES (1, '0001_a', 'yesterday evening'); INSERT INTO events VALUES (1, 1), (NULL, 1)`,
    ],
    [
      'that may not be read',
      `INSERT INTO other.done VALUES ('0001_a', 'x');
      REVOKE ALL ON other.done FROM CURRENT_USER; CREATE ROLE ROLE_NAME LOGIN;
      GRANT ALL ON DATABASE DATABASE_NAME TO ROLE_NAME; GRANT ALL ON SCHEMA public TO ROLE_NAME`,
    ],
  ])('a table of the same columns, %s, is no hindrance', (_, sql, files = withConfig) =>
    withFiles(files, async (project) => {
      const url = new URL(project.url);
      const role = `reader_${process.pid}_${server.major}`;
      const text = sql
        .replaceAll('ROLE_NAME', role)
        .replaceAll('DATABASE_NAME', url.pathname.slice(1));
      if (text !== sql) url.username = role;
      await withClient(project.url, (client) =>
        client.query(
          `CREATE SCHEMA other; CREATE TABLE other.done (name text, timestamp text); ${text}`,
        ),
      );
      try {
        const answer = await projectOn(url.href, project.root).json('migrate', 'up');
        expect({ exitCode: answer.exitCode, error: answer.error }).toEqual({ exitCode: 0 });
      } finally {
        if (text !== sql) await project.query(`DROP OWNED BY ${role}`);
        if (text !== sql) await project.query(`DROP ROLE ${role}`);
      }
    }),
  );

  it('a run beside this one that has just begun to record is no other table', () =>
    withFiles(withConfig, async (project) => {
      await project.dbops('migrate', 'up');
      const folder = readFolder({ root: project.root });
      expect(await withSession(project.url, (session) => findElsewhere(session, folder))).toEqual(
        [],
      );
    }));

  it('baseline does not record beside existing rows', () =>
    withFiles(withConfig, async (project) => {
      await migrateElsewhere(project);
      const refused = await project.json('migrate', 'baseline');
      expect(refused).toMatchObject({ exitCode: 2, error: { code: 'TRACKING.ELSEWHERE' } });
      expect(refused.error?.hint).toContain(
        'migrate baseline --tracking-table tenant.kysely_migration',
      );
    }));
});
