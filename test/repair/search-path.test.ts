import { describe, expect } from 'vitest';
import { readFolder } from '../../src/formats/open-folder.ts';
import { inTurn, servers, withDatabase, type Target } from '../db/targets.ts';
import { projectOn, writeProject, type Project } from '../migrate/project.ts';
import { writers, type FormatName } from './desync/folders.ts';

const steps = [
  { slug: 'customers', sql: 'CREATE TABLE customers (id int PRIMARY KEY, seen timestamptz);' },
  { slug: 'orders', sql: 'CREATE TABLE orders (id int, customer int REFERENCES customers);' },
  { slug: 'index', sql: 'CREATE INDEX orders_customer ON orders (customer);' },
];

const directories: Partial<Record<FormatName, string>> = {
  drizzle: 'drizzle',
  prisma: 'prisma/migrations',
  supabase: 'supabase/migrations',
};

interface Opened {
  project: Project;
  /** Options that name the folder, and the server of the shadow. */
  words: string[];
  /** SQL of the tracking table. */
  table: string;
}

interface Case {
  format: FormatName;
  migrations?: typeof steps;
  /** Run before the first connection of dbops. */
  before?: (database: string) => string;
  query?: string;
  options?: string[];
}

async function withPath(
  server: Target,
  { format, migrations = steps, before, query = '', options = [] }: Case,
  test: (opened: Opened) => Promise<void>,
): Promise<void> {
  const files = await writers[format](migrations);
  await withDatabase(server, async (url) => {
    const root = writeProject(files);
    const plain = projectOn(url, root);
    const name = decodeURIComponent(new URL(url).pathname.slice(1));
    if (before) for (const sql of before(name).split('; ')) await plain.query(sql);
    const directory = `${root}/${directories[format] ?? 'migrations'}`;
    const shadow = server.kind === 'server' ? ['--shadow-url', server.adminUrl] : [];
    const words = ['--format', format, '--migrations', directory, ...shadow, ...options];
    const project = projectOn(`${url}${query}`, root);
    const up = await project.json('migrate', 'up', ...words);
    expect(up).toMatchObject({ exitCode: 0 });
    const [found] = await project.query<{ schema: string }>(
      `SELECT relnamespace::regnamespace::text AS schema FROM pg_class WHERE relname = 'orders'`,
    );
    expect(found).toEqual({ schema: 'crm' });
    const { tracking } = readFolder({ migrations: directory, format, root });
    await test({ project, words, table: tracking.rows.table });
  });
}

const inUrl = { query: '?options=-csearch_path%3Dcrm' };
const schema = () => 'CREATE SCHEMA crm';

const cases: Record<string, Case> = {
  'the URL, with dbops': { format: 'dbops', before: schema, ...inUrl },
  'the URL, with prisma': { format: 'prisma', before: schema, ...inUrl },
  'the URL, with node-pg-migrate': { format: 'node-pg-migrate', before: schema, ...inUrl },
  'the URL, with supabase': { format: 'supabase', before: schema, ...inUrl },
  'the database': {
    format: 'dbops',
    before: (name) =>
      `CREATE SCHEMA crm; ALTER DATABASE "${name}" SET search_path TO "$user", crm, public`,
  },
  'the URL, where a migration creates the schema': {
    format: 'dbops',
    migrations: [{ slug: 'crm', sql: 'CREATE SCHEMA crm;' }, ...steps],
    ...inUrl,
  },
  'the URL, in another letter case beside other settings': {
    format: 'dbops',
    before: schema,
    migrations: [
      ...steps,
      {
        slug: 'since',
        sql: `ALTER TABLE orders ADD since timestamptz DEFAULT '2026-01-01 00:00';`,
      },
    ],
    query: '?options=-csearch_path%3DCRM%20-cTimeZone%3DAsia/Tokyo%20-cDateStyle%3DGerman',
  },
};

describe.each(servers)('a search_path set by', (server) => {
  const it = inTurn(server, servers);
  it.each(Object.keys(cases))(`%s is that of the replay (${server.name})`, (name) =>
    withPath(server, cases[name] ?? { format: 'dbops' }, async ({ project, words, table }) => {
      const verdicts = async (...more: string[]) => {
        const shown = await project.json('repair-tracking', ...words, ...more);
        return {
          exitCode: shown.exitCode,
          verdicts: shown.migrations.map((each) => each['verdict']),
        };
      };
      const whole = (cases[name]?.migrations ?? steps).map(() => 'recorded');
      expect(await verdicts()).toEqual({ exitCode: 0, verdicts: whole });
      const [row] = await project.query<{ place: string }>(
        `SELECT ctid::text AS place FROM ${table} ORDER BY ctid DESC LIMIT 1`,
      );
      await project.query(`DELETE FROM ${table} WHERE ctid = $1`, [row?.place]);
      expect(await verdicts()).toEqual({
        exitCode: 6,
        verdicts: [...whole.slice(1), 'proven'],
      });
      const applied = await project.json('repair-tracking', ...words, '--apply');
      expect(applied.error).toBeUndefined();
      expect(applied.exitCode).toBe(0);
      expect(await verdicts()).toEqual({ exitCode: 0, verdicts: whole });
      const verified = await project.json('verify', 'schema', ...words);
      expect(verified).toMatchObject({ exitCode: 0 });
    }),
  );

  it(`schema= of Prisma's URL is refused (${server.name})`, () =>
    withDatabase(server, async (url) => {
      const root = writeProject(await writers.prisma(steps));
      const asked = await projectOn(`${url}?schema=crm`, root).json('migrate', 'status');
      expect(asked).toMatchObject({ exitCode: 2, error: { code: 'TARGET.SCHEMA' } });
      expect(asked.error?.hint).toContain('options=-csearch_path%3Dcrm');
      expect(asked.error?.hint).toContain('--tracking-table crm._prisma_migrations');
      const usual = await projectOn(`${url}?schema=public`, root).json('migrate', 'status');
      expect(usual).toMatchObject({ exitCode: 0 });
    }));
});
