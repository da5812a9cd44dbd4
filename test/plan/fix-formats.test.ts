import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { resolveBinary } from 'dbmate';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { isLongRun } from '../cases.ts';
import { runShell } from '../cli/run-cli.ts';
import { newest, withDatabase, type Server } from '../db/targets.ts';
import { projectOn, withClient, writeProject, type Project } from '../migrate/project.ts';

type Files = Record<string, string>;

const create = `CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint, customer_id bigint, total int);
INSERT INTO customers SELECT n FROM generate_series(1, 10000) n;
INSERT INTO orders SELECT n, n, n FROM generate_series(1, 10000) n;
ANALYZE;`;

const change = [
  'ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (customer_id) REFERENCES customers',
  'CREATE INDEX orders_customer ON orders (customer_id)',
  'CREATE INDEX orders_total ON orders (total)',
  'ALTER TABLE orders ALTER COLUMN total SET NOT NULL',
  'ALTER TABLE orders ADD COLUMN number bigserial',
];
const undo = [
  'ALTER TABLE orders DROP COLUMN number',
  'ALTER TABLE orders ALTER COLUMN total DROP NOT NULL',
  'DROP INDEX orders_total',
  'DROP INDEX orders_customer',
  'ALTER TABLE orders DROP CONSTRAINT buyer',
];
const sqlOf = (statements: string[]) => `${statements.join(';\n')};\n`;

/** Settings under which the work on 10,000 rows counts as long. */
const settingsOf = ({ adminUrl }: Server): Files => ({
  'dbops.config.json': JSON.stringify({ plan: { maxBlocked: '2ms' }, shadowUrl: adminUrl }),
});

interface FixedFormat {
  format: string;
  files: Files;
  /** The names of the files that are added to the folder. */
  added: RegExp;
  /** Checks what the format has beside the statements. @param texts by path */
  check?: (texts: ReadonlyMap<string, string>, major: number) => void;
  /** Lets the tool apply what dbops has not applied, and returns how many migrations that were. */
  applyRest?: (project: Pick<Project, 'root' | 'url'>) => Promise<number>;
}

const dated = (second: number) => `2026010101010${second}`;
const sections = (up: string, down: string, top: string[]) =>
  `-- ${top[0] ?? ''}\n${up}\n-- ${top[1] ?? ''}\n${down}`;
const inBoth = ['migrate:up', 'migrate:down'];
const inBothDirections = ['Up Migration', 'Down Migration'];

const journal = {
  version: '7',
  dialect: 'postgresql',
  entries: ['0000_create', '0001_change'].map((tag, idx) => ({
    idx,
    version: '7',
    when: 1_767_000_000_000 + idx,
    tag,
    breakpoints: true,
  })),
};
const snapshot = (id: string, prevId: string) =>
  JSON.stringify({ id, prevId, version: '7', tables: {} });
const breakpoints = (text: string) => text.replaceAll(';\n', ';\n--> statement-breakpoint\n');

const formats: FixedFormat[] = [
  {
    format: 'dbops',
    added: /^migrations\/\d{4}_change_part_\d+\.(?:up|down)\.sql$/,
    files: {
      'migrations/0001_create.up.sql': create,
      'migrations/0002_change.up.sql': sqlOf(change),
      'migrations/0002_change.down.sql': sqlOf(undo),
    },
  },
  {
    format: 'dbmate',
    added: /^db\/migrations\/\d{14}_change_part_\d+\.sql$/,
    check: checkDbmate,
    applyRest: runDbmate,
    files: {
      [`db/migrations/${dated(0)}_create.sql`]: sections(create, '', inBoth),
      [`db/migrations/${dated(1)}_change.sql`]: sections(sqlOf(change), sqlOf(undo), inBoth),
    },
  },
  {
    format: 'drizzle',
    added: /^drizzle\/(?:\d{4}_change_part_\d+\.sql|meta\/\w+\.json)$/,
    check: checkJournal,
    applyRest: runDrizzle,
    files: {
      'drizzle/0000_create.sql': breakpoints(create),
      'drizzle/0001_change.sql': breakpoints(sqlOf(change)),
      'drizzle/meta/_journal.json': JSON.stringify(journal),
      'drizzle/meta/0000_snapshot.json': snapshot('a', '0'),
      'drizzle/meta/0001_snapshot.json': snapshot('b', 'a'),
    },
  },
  {
    format: 'drizzle 1',
    added: /^drizzle\/\d{14}_change_part_\d+\/(?:migration\.sql|snapshot\.json)$/,
    files: {
      [`drizzle/${dated(0)}_create/migration.sql`]: breakpoints(create),
      [`drizzle/${dated(0)}_create/snapshot.json`]: '{"id":"a"}',
      [`drizzle/${dated(1)}_change/migration.sql`]: breakpoints(sqlOf(change)),
      [`drizzle/${dated(1)}_change/snapshot.json`]: '{"id":"b"}',
    },
  },
  {
    format: 'node-pg-migrate',
    added: /^migrations\/\d{13}_change_part_\d+\.sql$/,
    files: {
      'migrations/1700000000000_create.sql': sections(create, '', inBothDirections),
      'migrations/1700000000001_change.sql': sections(sqlOf(change), sqlOf(undo), inBothDirections),
    },
  },
  {
    format: 'node-pg-migrate, two files',
    added: /^migrations\/\d{13}_change_part_\d+\.(?:up|down)\.sql$/,
    files: {
      'package.json': '{"dependencies":{"node-pg-migrate":"9"}}',
      'migrations/1700000000000_create.up.sql': create,
      'migrations/1700000000001_change.up.sql': sqlOf(change),
      'migrations/1700000000001_change.down.sql': sqlOf(undo),
    },
  },
  {
    format: 'prisma',
    added: /^prisma\/migrations\/\d{14}_change_part_\d+\/migration\.sql$/,
    files: {
      'prisma/migrations/migration_lock.toml': 'provider = "postgresql"',
      [`prisma/migrations/${dated(0)}_create/migration.sql`]: create,
      [`prisma/migrations/${dated(1)}_change/migration.sql`]: sqlOf(change),
    },
  },
  {
    format: 'supabase',
    added: /^supabase\/migrations\/\d{14}_change_part_\d+\.sql$/,
    files: {
      'supabase/config.toml': 'project_id = "test"',
      [`supabase/migrations/${dated(0)}_create.sql`]: create,
      [`supabase/migrations/${dated(1)}_change.sql`]: sqlOf(change),
    },
  },
];

/** Each section once, with its option where a statement runs alone; a rollback where none can be derived. */
function checkDbmate(texts: ReadonlyMap<string, string>, major: number): void {
  for (const [path, text] of texts) {
    if (!path.endsWith('.sql')) continue;
    const marks = text.split('\n').filter((line) => line.startsWith('-- migrate:'));
    const option = text.includes('CONCURRENTLY') ? ' transaction:false' : '';
    expect(marks).toEqual([`-- migrate:up${option}`, `-- migrate:down${option}`]);
    if (text.includes('VALIDATE CONSTRAINT "orders_total_not_null"'))
      expect(text.split('-- migrate:down')[1]).toMatch(
        major >= 18 ? /DROP CONSTRAINT[^]*NOT VALID/ : /^\s*$/,
      );
  }
}

async function runDbmate({ root, url }: Pick<Project, 'root' | 'url'>): Promise<number> {
  const { stdout, stderr } = await runShell(`'${resolveBinary()}' --no-dump-schema migrate`, {
    cwd: root,
    environment: { DATABASE_URL: `${url}?sslmode=disable` },
  });
  expect(stderr).toBe('');
  return stdout.match(/^Applied: /gm)?.length ?? 0;
}

const journalOf = z.object({ entries: z.array(z.object({ idx: z.number(), tag: z.string() })) });
const snapshotOf = z.object({ id: z.string(), prevId: z.string() });

/** Every file has an entry and a snapshot that follows the one before it. */
function checkJournal(texts: ReadonlyMap<string, string>): void {
  const read = (path: string): unknown => JSON.parse(texts.get(`drizzle/meta/${path}`) ?? '');
  const { entries } = journalOf.parse(read('_journal.json'));
  const files = [...texts.keys()].filter((path) => path.endsWith('.sql'));
  expect(entries.map(({ tag }) => `drizzle/${tag}.sql`)).toEqual(
    expect.arrayContaining(files.toSorted()),
  );
  const chain = entries.flatMap(({ tag }) => {
    const path = `${tag.slice(0, 4)}_snapshot.json`;
    return texts.has(`drizzle/meta/${path}`) ? [snapshotOf.parse(read(path))] : [];
  });
  expect(chain.map(({ prevId }) => prevId)).toEqual([
    'b',
    ...chain.slice(0, -1).map(({ id }) => id),
  ]);
}

function runDrizzle({ root, url }: Pick<Project, 'root' | 'url'>): Promise<number> {
  return withClient(url, async (client) => {
    const db = drizzle({ client });
    const recorded = () => db.$count(sql.raw('drizzle.__drizzle_migrations'));
    const before = await recorded();
    await migrate(db, { migrationsFolder: `${root}/drizzle` });
    return (await recorded()) - before;
  });
}

const document = z.object({
  fixes: z.array(z.object({ isProven: z.boolean(), written: z.array(z.string()) })),
});

// Each takes a second: in a short run those whose tool reads the folder afterwards.
const chosen = formats.filter(({ applyRest }) => isLongRun || applyRest);

describe.each(newest)('migrate plan --fix in folders on $name', (server) => {
  it.each(chosen)(
    'writes $format migrations, which are harmless and run',
    ({ format, files, added, check, applyRest }) =>
      withDatabase(server, async (url) => {
        const root = writeProject({ ...settingsOf(server), ...files });
        const project = projectOn(url, root);
        await project.dbops('migrate', 'up', '--steps', '1');
        const { stdout } = await project.dbops('migrate', 'plan', '--fix', '--json');
        const [fix] = document.parse(JSON.parse(stdout)).fixes;
        const paths = (fix?.written ?? []).map((path) => relative(root, path));
        const texts = new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
        const others = paths.filter((path) => !added.test(path));
        expect(fix?.isProven).toBe(true);
        expect(others.filter((path) => !path.endsWith('backfills/number.json'))).toEqual(
          Object.keys(files).filter(
            (path) => path in Object.fromEntries(texts) && !added.test(path),
          ),
        );
        check?.(texts, server.major);
        const again = await project.json('migrate', 'plan');
        expect(again).toMatchObject({ exitCode: 0, findings: [] });
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect((await project.json('migrate', 'status', '--check')).exitCode).toBe(0);
        const [row] = await project.query(
          'SELECT count(DISTINCT number)::int AS numbers FROM orders',
        );
        expect(row).toEqual({ numbers: 10_000 });
        expect(await applyRest?.(project)).toBe(applyRest && 0);
        if (format !== 'dbmate') return;
        await withDatabase(server, async (empty) =>
          expect(await runDbmate({ root, url: empty })).toBe(2 + paths.length - others.length),
        );
      }),
  );
});
