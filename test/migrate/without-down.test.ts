import { describe, expect, it } from 'vitest';
import { newest, type Target } from '../db/targets.ts';
import { exists, withAnyShadow } from './project.ts';

const on = newest[0] as Target;
const kysely = (body: string, rest = '') =>
  `import { sql } from 'kysely';\nexport async function up(db) { await sql\`${body}\`.execute(db); }\n${rest}`;

/** Modules without a `down`, by format; each creates a table a and a constraint on it. */
const folders: Record<string, Record<string, string>> = {
  'Kysely in a folder of dbops': {
    '0001_a.ts': kysely('CREATE TABLE a (id int CONSTRAINT positive CHECK (id > 0))'),
  },
  Kysely: {
    '../kysely.config.ts': '',
    '20260101T000000_a.ts': kysely('CREATE TABLE a (id int CONSTRAINT positive CHECK (id > 0))'),
  },
  'Kysely with a default export': {
    '../kysely.config.ts': '',
    '20260101T000000_a.mjs':
      "import { sql } from 'kysely';\nexport default { up: (db) => sql`CREATE TABLE a (id int)`.execute(db) };",
  },
  'node-pg-migrate with SQL that cannot be reversed': {
    '1700000000000_a.js': `exports.up = (pgm) => {
      pgm.createTable('a', { id: 'integer' });
      pgm.addConstraint('a', null, 'CHECK (id > 0)');
      pgm.sql('CREATE INDEX ON a (id)');
    };`,
  },
  'node-pg-migrate that is reversed': {
    '1700000000000_a.js': `exports.up = (pgm) => { pgm.createTable('a', { id: 'integer' }); };`,
  },
};

describe.runIf(newest[0])('a module without a down', () => {
  it.each(Object.entries(folders))('gets a rollback from the schema: %s', (_, files) =>
    withAnyShadow(on, files, async (project) => {
      expect((await project.dbops('migrate', 'up')).stderr).not.toContain('error');
      expect(await exists(project, 'a')).toBe(true);
      const dry = await project.dbops('migrate', 'down', '--dry-run');
      expect(dry.stdout).toContain('proven: up, down and up again');
      const down = await project.dbops('migrate', 'down');
      expect(down.stderr).not.toContain('error');
      expect(down.exitCode).toBe(0);
      expect(await exists(project, 'a')).toBe(false);
      expect((await project.dbops('migrate', 'up')).exitCode).toBe(0);
    }),
  );

  it('is redone', () =>
    withAnyShadow(on, folders['Kysely'] ?? {}, async (project) => {
      await project.dbops('migrate', 'up');
      const { exitCode, stderr } = await project.dbops('migrate', 'redo');
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    }));

  const forbidding: Record<string, Record<string, string>> = {
    Kysely: {
      '0001_a.up.sql': 'CREATE TABLE first (id int);',
      '0002_b.ts': kysely('CREATE TABLE b (id int)', 'export const down = false;'),
      '0003_c.up.sql': 'CREATE TABLE third (id int);',
    },
    'node-pg-migrate': {
      '1700000000001_a.sql': '-- Up Migration\nCREATE TABLE first (id int);',
      '1700000000002_b.js': `exports.up = (pgm) => pgm.createTable('b', {}); exports.down = false;`,
      '1700000000003_c.sql': '-- Up Migration\nCREATE TABLE third (id int);',
    },
  };

  it.each(Object.entries(forbidding))(
    'is not rolled back where down = false forbids it, and the plan shows the others: %s',
    (_, files) =>
      withAnyShadow(on, files, async (project) => {
        expect((await project.dbops('migrate', 'up')).exitCode).toBe(0);
        const dry = await project.dbops('migrate', 'down', '--to', '0', '--dry-run');
        expect(dry.exitCode).toBe(0);
        expect(dry.stdout).toContain('drops table public.first');
        expect(dry.stdout).toContain('drops table public.third');
        expect(dry.stdout).toContain('exports down = false');
        const down = await project.dbops('migrate', 'down', '--to', '0');
        expect(down.exitCode).toBe(2);
        expect(down.stderr).toContain('exports down = false');
        expect(await exists(project, 'third')).toBe(true);
      }),
  );
});
