import { readFileSync, rmSync } from 'node:fs';
import { describe, expect, it as always } from 'vitest';
import { inTurn, newest, servers, withDatabase, type Server } from '../db/targets.ts';
import { commitAll, gitIn } from '../migrate/git.ts';
import { projectOn, shadowsOn, writeInto, writeProject, type Project } from '../migrate/project.ts';
import { writers, type FormatName } from './desync/folders.ts';
import type { MigrationText } from './desync/turnover.ts';

const users = { slug: 'users', sql: 'CREATE TABLE users (id int PRIMARY KEY);' };
const fill = { slug: 'fill', sql: 'INSERT INTO users VALUES (1);' };
const email = { slug: 'email', sql: 'ALTER TABLE users ADD COLUMN email text;' };
const notes = { slug: 'notes', sql: 'CREATE TABLE notes (id int);' };
const whole = [users, fill, email].map(({ sql }) => sql).join('\n');
const schema = 'CREATE TABLE users (id int PRIMARY KEY, email text);';
/** With the same statement that changes rows. */
const rewritten = `${schema}\n${fill.sql}`;

interface Scene {
  how: string;
  format: FormatName;
  /** Files after the squash. */
  files: Record<string, string>;
  /** Names in the tracking table. */
  table: string;
  /** Those after the repair; absent: they are kept, and a person has to decide. */
  rows?: string[];
  /** Whether git has the files that were replaced; absent: there is no repository. */
  git?: 'committed' | 'uncommitted' | 'foreign';
  /** The migrations that were applied. */
  applied?: MigrationText[];
  /** SQL that is run after the migrations. */
  sql?: string;
  others?: Record<string, string>;
  /** A part of the message about a row that is kept. */
  message?: string;
}

const prismaFile = 'prisma/migrations/00000000000000_squashed/migration.sql';
const ofPrisma = {
  format: 'prisma' as const,
  files: { [prismaFile]: rewritten },
  table: 'SELECT migration_name AS name FROM _prisma_migrations ORDER BY 1',
};
const squashedRows = ['00000000000000_squashed', '20260104000000_notes'];
const knex = `exports.up = async (knex) => { await knex.raw('CREATE TABLE users (id int PRIMARY KEY, email text)'); };
exports.down = async () => {};
`;

const scenes: Scene[] = [
  { ...ofPrisma, how: 'whose files are in git', git: 'committed', rows: squashedRows },
  { ...ofPrisma, how: 'before it is committed', git: 'uncommitted', rows: squashedRows },
  {
    ...ofPrisma,
    how: 'that was written into the first file',
    files: { 'prisma/migrations/20260101000000_users/migration.sql': rewritten },
    git: 'committed',
    rows: ['20260101000000_users', '20260104000000_notes'],
  },
  {
    ...ofPrisma,
    how: 'of a project without git',
    files: { [prismaFile]: schema },
    rows: squashedRows,
  },
  {
    ...ofPrisma,
    how: 'that names the rows',
    files: {
      [prismaFile]: `-- dbops: replaces 20260101000000_users\n-- dbops: replaces 20260102000000_fill\n-- dbops: replaces 20260103000000_email\n${whole}`,
    },
    sql: 'CREATE TABLE of_another_application (id int)',
    rows: squashedRows,
  },
  {
    ...ofPrisma,
    how: 'that contains the recorded texts',
    files: { [prismaFile]: whole },
    sql: 'CREATE TABLE of_another_application (id int)',
    rows: squashedRows,
  },
  {
    how: 'whose files are in git',
    format: 'drizzle',
    files: {
      'drizzle/0000_squashed.sql': rewritten,
      'drizzle/meta/_journal.json': JSON.stringify({
        version: '7',
        dialect: 'postgresql',
        entries: [{ idx: 0, version: '7', when: 1770000000000, tag: '0000_squashed' }],
      }),
    },
    table: 'SELECT created_at::text AS name FROM drizzle.__drizzle_migrations ORDER BY id',
    git: 'committed',
    applied: [users, fill, email],
    rows: ['1770000000000'],
  },
  {
    how: 'with the version of the first file',
    format: 'dbmate',
    files: {
      'migrations/20260101000000_squashed.sql': `-- migrate:up\n${rewritten}\n-- migrate:down\n`,
    },
    table: 'SELECT version AS name FROM schema_migrations ORDER BY 1',
    git: 'committed',
    rows: ['20260101000000', '20260104000000'],
  },
  {
    how: 'whose files are in git',
    format: 'knex',
    files: { 'migrations/20260103000000_start.cjs': knex },
    table: 'SELECT name FROM knex_migrations ORDER BY name',
    git: 'committed',
    others: { 'knexfile.cjs': "module.exports = { client: 'pg' };" },
    rows: ['20260103000000_start.cjs', '20260104000000_notes.cjs'],
  },
];

/** What looks like a squash, and may be none. */
const doubtful: Scene[] = [
  {
    ...ofPrisma,
    how: 'git does not know the rows',
    git: 'foreign',
    files: { [prismaFile]: schema },
  },
  {
    ...ofPrisma,
    how: 'the database has objects of another application',
    files: { [prismaFile]: schema },
    sql: 'CREATE TABLE of_another_application (id int)',
  },
  {
    ...ofPrisma,
    how: 'the file changes further rows',
    git: 'committed',
    files: { [prismaFile]: `${rewritten}\nINSERT INTO users VALUES (2);` },
  },
  {
    ...ofPrisma,
    how: 'a part of the file is not applied',
    git: 'committed',
    sql: 'ALTER TABLE users DROP COLUMN email',
  },
  {
    ...ofPrisma,
    how: 'one of them failed',
    files: { [prismaFile]: schema },
    sql: `UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name ~ 'fill'`,
  },
  {
    ...ofPrisma,
    how: 'a row that the file names is missing',
    files: {
      [prismaFile]: `-- dbops: replaces 20260101000000_users\n-- dbops: replaces 20260102000000_fill\n-- dbops: replaces 20260103000000_email\n${whole}`,
    },
    sql: `DELETE FROM _prisma_migrations WHERE migration_name ~ 'fill'`,
    message: 'also replaces 20260102000000_fill, which is not recorded',
  },
];

const squashed = /_(?:users|fill|email)\b/;
const flagsOf = ({ format }: Scene) => ['--format', format];

/** With the migrations applied, and then three of them replaced by one file. */
async function withScene(target: Server, scene: Scene, test: (project: Project) => Promise<void>) {
  const { applied = [users, fill, email, notes], git, sql, others } = scene;
  const files = await writers[scene.format](applied);
  await withDatabase(target, async (url) => {
    const config = JSON.stringify({ shadowUrl: target.adminUrl });
    const settings = { '.gitignore': 'node_modules', 'dbops.config.json': config };
    const project = projectOn(url, writeProject({ ...others, ...files, ...settings }));
    const { root } = project;
    expect(await project.json('migrate', 'up', ...flagsOf(scene))).toMatchObject({ exitCode: 0 });
    if (sql) await project.query(sql);
    if (git && git !== 'foreign') commitAll(root);
    for (const file of Object.keys(files).filter((each) => squashed.test(each)))
      rmSync(`${root}/${file.replace(/\/migration\.sql$/, '')}`, { recursive: true });
    writeInto(root, scene.files);
    if (git === 'foreign') commitAll(root);
    if (git === 'committed') {
      gitIn(root)('add', '.');
      gitIn(root)('commit', '--quiet', '-m', 'squash');
    }
    await test(project);
  });
}

const namesOf = async ({ query }: Project, { table }: Scene) =>
  (await query<{ name: string }>(table)).map(({ name }) => name);

describe.each(servers)('repair-tracking, on $name', (target) => {
  const it = inTurn(target, servers);

  it.each(scenes)('recognizes a squash of $format $how', (scene) =>
    withScene(target, scene, async (project) => {
      const before = await namesOf(project, scene);
      const index = () => gitIndexOf(project);
      const staged = index();
      const repaired = await project.json('repair-tracking', '--apply', ...flagsOf(scene));
      expect(repaired).toMatchObject({ exitCode: 0, next: { runs: [] } });
      expect(await namesOf(project, scene)).toEqual(scene.rows);
      expect(index()).toEqual(staged);
      expect(await project.json('migrate', 'up', ...flagsOf(scene))).toMatchObject({
        exitCode: 0,
        migrations: [],
      });
      await project.json('repair-tracking', '--undo', ...flagsOf(scene));
      expect(await namesOf(project, scene)).toEqual(before);
    }),
  );

  it.each(doubtful)('keeps the rows without a file where $how', (scene) =>
    withScene(target, scene, async (project) => {
      const before = await namesOf(project, scene);
      const kept = await project.json('repair-tracking', '--apply', ...flagsOf(scene));
      expect(kept.exitCode).toBe(6);
      expect(JSON.stringify(kept['findings'])).toContain(scene.message ?? '');
      expect(await namesOf(project, scene)).toEqual(expect.arrayContaining(before));
    }),
  );
});

/** The index of the repository, which a repair does not write. */
function gitIndexOf({ root }: Project): Buffer | undefined {
  try {
    return readFileSync(`${root}/.git/index`);
  } catch {
    return undefined;
  }
}

describe.each(newest)('a squash that is partly applied, on $name', (server) => {
  always('is finished, and the rows that it names are replaced', async () => {
    const applied = [users, email, notes];
    const files = await writers.prisma(applied);
    await withDatabase(server, async (url) => {
      const project = projectOn(url, writeProject({ ...shadowsOn(server), ...files }));
      await project.dbops('migrate', 'up', '--steps', '1');
      await withDatabase(server, async (another) => {
        const complete = projectOn(another, project.root);
        await complete.dbops('migrate', 'up');
        const words = ['migrate', 'squash', '--to', '20260102000000_email'];
        expect(await complete.dbops(...words)).toMatchObject({ exitCode: 0 });
      });
      const partly = await project.json('repair-tracking');
      expect(partly.migrations[0]).toMatchObject({ verdict: 'partial' });
      const words = ['--finish', '20260102000000_squashed', '--apply'];
      await project.dbops('repair-tracking', ...words);
      expect(await namesOf(project, { ...ofPrisma, how: '' })).toEqual(['20260102000000_squashed']);
      expect(await project.json('migrate', 'up')).toMatchObject({
        exitCode: 0,
        migrations: [{ name: '20260103000000_notes' }],
      });
    });
  });
});
