import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newest, withDatabase } from '../db/targets.ts';
import { prisma } from '../../src/formats/prisma/index.ts';
import {
  exists,
  byState,
  projectOn,
  until,
  withClient,
  writeInto,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { filesOf, mixed } from './mixed.ts';
import { describeInterop } from './peer.ts';
import { deploy, diagnose, withEngine } from './prisma-engine.ts';

const lock = { 'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n' };
const file = (name: string, text = `CREATE TABLE "${name}" (id int);\n`) => ({
  [`prisma/migrations/${name}/migration.sql`]: text,
});

const nameOf = ({ name }: { name: string }, index: number) =>
  `${20260101000000 + index}_${name.replaceAll('-', '_')}`;

/** The rows but for clocks and ids: only whether the clocks can be right, and how long the ids are. */
const rows = `SELECT checksum, migration_name, logs, applied_steps_count, length(id) AS id,
    finished_at >= started_at AS ended, rolled_back_at
  FROM _prisma_migrations ORDER BY started_at`;

describeInterop({
  tool: 'the schema engine of Prisma 7.10',
  format: 'prisma',
  count: mixed.length + 2,
  files: (count) => ({
    ...lock,
    ...filesOf(
      Math.min(count, mixed.length),
      (...change) => `prisma/migrations/${nameOf(...change)}/migration.sql`,
      ({ up }, index) => (index % 3 === 1 ? up.replaceAll('\n', '\r\n') : up),
    ),
    ...(count > mixed.length && file('20260102000000_nothing', '')),
    ...(count > mixed.length + 1 &&
      file('20260103000000_comment', '-- This is an empty migration.')),
  }),
  up: async (project) => (await deploy(project)).length,
  rows,
});

describe.each(newest)('Prisma 7.10 beside dbops on $name', (server) => {
  const withPrisma = (files: Record<string, string>, test: (project: Project) => Promise<void>) =>
    withDatabase(server, (url) => test(projectOn(url, writeProject({ ...lock, ...files }))));

  const upToDate = {
    editedMigrationNames: [],
    failedMigrationNames: [],
    hasMigrationsTable: true,
    history: null,
  };

  it.each([
    ['LF', '\n', '\r\n'],
    ['CRLF', '\r\n', '\n'],
  ])('sees no edit of what dbops applied with %s in another checkout', (_, ...ends) => {
    const text = (end: string) => `CREATE TABLE a (id int);${end}${end}-- the end${end}`;
    return withPrisma(file('20260101000000_a', text(ends[0])), async (project) => {
      await project.json('migrate', 'up');
      for (const end of ends) {
        writeInto(project.root, file('20260101000000_a', text(end)));
        expect(await diagnose(project)).toEqual(upToDate);
        expect(byState(await project.json('migrate', 'status'))).toEqual({
          applied: ['20260101000000_a'],
        });
      }
    });
  });

  it('calls the same files edited', () =>
    withPrisma(
      { ...file('20260101000000_a'), ...file('20260102000000_b'), ...file('20260103000000_c') },
      async (project) => {
        await project.json('migrate', 'up');
        writeInto(project.root, file('20260102000000_b', '-- another'));
        const { editedMigrationNames } = await diagnose(project);
        expect(editedMigrationNames).toEqual(['20260102000000_b']);
        const { edited } = byState(await project.json('migrate', 'status'));
        expect(edited).toEqual(editedMigrationNames);
      },
    ));

  it('fails, and dbops says why and how to go on; resolved, both go on', () =>
    withPrisma(
      {
        ...file('20260101000000_a'),
        ...file('20260102000000_b', 'CREATE TABLE b (id int);\nSELECT 1/0;'),
      },
      async (project) => {
        await expect(deploy(project)).rejects.toThrow('division by zero');
        const status = await project.json('migrate', 'status', '--check');
        expect(status.exitCode).toBe(6);
        expect(byState(status)).toEqual({
          applied: ['20260101000000_a'],
          failed: ['20260102000000_b'],
        });
        expect(status['findings']).toEqual([
          expect.objectContaining({
            code: 'failed',
            message: expect.stringContaining('ERROR: division by zero'),
            help: expect.stringContaining('prisma migrate resolve --rolled-back 20260102000000_b'),
          }),
        ]);
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 6 });

        await project.query('DROP TABLE IF EXISTS b');
        await withEngine(project, (engine) =>
          engine.markMigrationRolledBack({ migrationName: '20260102000000_b' }),
        );
        writeInto(project.root, file('20260102000000_b'));
        const { exitCode, migrations } = await project.json('migrate', 'up');
        expect({ exitCode, names: migrations.map(({ name }) => name) }).toEqual({
          exitCode: 0,
          names: ['20260102000000_b'],
        });
        expect(await deploy(project)).toEqual([]);
        expect(await diagnose(project)).toEqual(upToDate);
      },
    ));

  it('marks a migration by hand: applied, with a remark', () =>
    withPrisma({ ...file('0_init'), ...file('20260102000000_b') }, async (project) => {
      await withEngine(project, (engine, migrationsList) =>
        engine.markMigrationApplied({ migrationName: '0_init', migrationsList }),
      );
      const status = await project.json('migrate', 'status', '--check');
      expect(status.exitCode).toBe(5);
      expect(byState(status)).toEqual({ applied: ['0_init'], pending: ['20260102000000_b'] });
      expect(status['findings']).toEqual([
        expect.objectContaining({
          code: 'marked-applied',
          where: expect.objectContaining({ object: '0_init' }),
        }),
      ]);
    }));

  it('applies again what dbops has rolled back, edited or not', () =>
    withPrisma(
      {
        ...file('20260101000000_a'),
        'prisma/migrations/20260101000000_a/down.sql': 'DROP TABLE "20260101000000_a"',
      },
      async (project) => {
        for (const text of [undefined, 'CREATE TABLE "20260101000000_a" (id bigint)']) {
          writeInto(project.root, file('20260101000000_a', text));
          await project.json('migrate', 'up');
          expect(await project.json('migrate', 'down')).toMatchObject({ exitCode: 0 });
          expect(await diagnose(project)).toMatchObject({
            history: { diagnostic: 'databaseIsBehind' },
          });
        }
        expect(await deploy(project)).toEqual(['20260101000000_a']);
        expect(await diagnose(project)).toEqual(upToDate);
        const status = await project.json('migrate', 'status', '--check');
        expect(status.exitCode).toBe(0);
      },
    ));

  it('refuses a directory without its file, which dbops reports without a database', () =>
    withPrisma(
      { ...file('20260101000000_a'), 'prisma/migrations/20260102000000_b/notes.md': '' },
      async (project) => {
        const status = await project.json('migrate', 'status', '--check');
        expect(status).toMatchObject({ exitCode: 4, findings: [{ code: 'empty-directory' }] });
        for (const words of [[], ['--dry-run']]) {
          const { exitCode, error } = await project.json('migrate', 'up', ...words);
          expect({ exitCode, code: error?.code }).toEqual({ exitCode: 2, code: 'FOLDER.DEFECT' });
          expect(error?.message).toContain('20260102000000_b has no migration.sql');
          expect(error?.hint).toMatch(/mv \S+\/20260102000000_b \S+\/prisma$/);
        }
        expect(await exists(project, '"20260101000000_a"')).toBe(false);
        await expect(deploy(project)).rejects.toMatchObject({ code: 'P3015' });
        rmSync(join(project.root, 'prisma/migrations/20260102000000_b'), { recursive: true });
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      },
    ));

  it('waits for whoever holds the lock that dbops takes', () =>
    withPrisma(file('20260101000000_a'), ({ root, url }) =>
      withClient(url, async (client) => {
        expect(prisma.hostLock).toMatchObject({ kind: 'advisory' });
        const key = prisma.hostLock?.kind === 'advisory' ? prisma.hostLock.key : undefined;
        await client.query('SELECT pg_advisory_lock($1)', [key]);
        const deployed = deploy({ root, url });
        await until(async () => {
          const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
          return (await client.query(waiting)).rowCount;
        });
        await client.query('SELECT pg_advisory_unlock($1)', [key]);
        expect(await deployed).toEqual(['20260101000000_a']);
      }),
    ));
});
