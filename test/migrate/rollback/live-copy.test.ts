import { describe, expect, it, vi } from 'vitest';
import { UnplannableError } from '../../../src/ddl/unplannable.ts';
import { inTurn, newest, targets } from '../../db/targets.ts';
import { withProject } from '../project.ts';

// Each proof on a copy of the live catalog opens two shadows.
vi.setConfig({ testTimeout: 240_000 });

const alter = 'ALTER TABLE legacy ADD COLUMN note text';
const create = 'CREATE TABLE job (id serial PRIMARY KEY)';
const tags = ['0000_alter', '0001_job'];
const entries = tags.map((tag, idx) => ({ idx, when: 1_000 * (idx + 1), tag, version: '7' }));

/** Folders whose first migration alters a table that none of them creates. */
const folders: [tool: string, files: Record<string, string>][] = [
  [
    'drizzle',
    {
      'meta/_journal.json': JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
      '0000_alter.sql': alter,
      '0001_job.sql': create,
    },
  ],
  [
    'node-pg-migrate',
    { '1_alter.sql': `-- Up Migration\n${alter};`, '2_job.sql': `-- Up Migration\n${create};` },
  ],
  [
    'knex',
    {
      '20260101_alter.cjs': `exports.up = (knex) => knex.raw('${alter}'); exports.down = (knex) => knex.raw('ALTER TABLE legacy DROP COLUMN note');`,
      '20260102_job.cjs': `exports.up = (knex) => knex.raw('${create}'); exports.down = (knex) => knex.raw('DROP TABLE job');`,
    },
  ],
];

const legacy = 'CREATE TABLE legacy (id serial PRIMARY KEY, kind text)';

describe.each(targets)('a rollback on a copy of the live catalog of $name', (target) => {
  const it = inTurn(target);
  it.each(folders)('is proven beside the tracking table of %s', (tool, files) =>
    withProject(target, files, async ({ dbops: run, query }) => {
      await query(legacy);
      expect(await run('migrate', 'up', '--into-existing', '--format', tool)).toMatchObject({
        exitCode: 0,
      });
      const answer = await run('migrate', 'down', '--format', tool, '--dry-run');
      expect(answer).toMatchObject({ exitCode: 0 });
      expect(answer.stderr).toContain('live catalog');
    }),
  );

  it('leaves out what depends on a tracking table', () =>
    withProject(target, { '0001_job.up.sql': create }, async ({ dbops: run, query }) => {
      await run('migrate', 'up');
      for (const sql of [
        'CREATE VIEW public.done AS SELECT name FROM dbops.migrations',
        'CREATE VIEW public.done_twice AS SELECT name FROM public.done',
        'CREATE TABLE notes (migration text REFERENCES dbops.migrations (name))',
        'CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch int, migration_time timestamptz)',
      ])
        await query(sql);
      const answer = await run('migrate', 'down', '--dry-run', '--shadow-from', 'live');
      expect(answer).toMatchObject({ exitCode: 0 });
      expect(answer.stdout).toContain('DROP TABLE');
    }));
});

describe.each(newest)('a live catalog of $name that cannot be copied', (target) => {
  it('is reported with what the server says', () =>
    withProject(target, { '0001_job.up.sql': create }, async ({ dbops: run, query }) => {
      await run('migrate', 'up');
      await query('CREATE EXTENSION dblink');
      const answer = await run('migrate', 'down', '--dry-run', '--shadow-from', 'live');
      expect(answer).toMatchObject({ exitCode: 1 });
      expect(answer.stderr).toContain('SHADOW.LIVE_COPY');
      expect(answer.stderr).toContain('dblink');
    }));
});

describe('an error of the planner', () => {
  it('keeps the text of the planner to itself', () => {
    const cause = new Error('missing requirement: action "ALTER SEQUENCE x" consumes column:{}');
    const { message, reason, hint } = new UnplannableError(cause);
    expect([message, ...reason, hint].join(' ')).not.toMatch(/requirement|consumes/);
  });
});
