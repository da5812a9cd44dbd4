import { describe, expect, it } from 'vitest';
import { isLongRun } from '../cases.ts';
import { newest, servers, withDatabase, type Server } from '../db/targets.ts';
import { commit } from '../interop/graphile-project.ts';
import {
  bundledFolder,
  projectOn,
  withClient,
  writeInto,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { plantTraps, usedBy, type Used } from './traps.ts';
import { recorded } from './recorder.ts';

interface Scenario {
  name: string;
  files: Record<string, string>;
  /** Before the traps are planted. */
  prepare?(project: Project): Promise<unknown>;
  /** Command lines, or SQL of the application where a line begins with `sql:`. */
  lines: readonly string[];
}

const table = (name: string) =>
  `CREATE TABLE public.${name} (id int PRIMARY KEY, note varchar(20), old text);`;

/** What every format is asked. */
const common = [
  'migrate status',
  'migrate up --dry-run',
  'migrate up',
  'migrate status --check',
  'repair-tracking',
  'migrate down --confirm DB',
];

const bundled: Scenario = {
  name: 'the commands about the bundled schema',
  files: {},
  async prepare({ root, dbops }) {
    writeInto(root, bundledFolder);
    await dbops('migrate', 'up');
  },
  lines: [
    'doctor',
    'env show',
    'env set development',
    'migrate status --check',
    'verify',
    'migrate up --dry-run',
    'seed --dry-run',
    'seed',
    'seed --reset',
    'report credits',
    'report ledger',
    'report reconcile',
    'report usage',
    'backfill list',
    'backfill run organization-id --dry-run',
    'backfill run organization-id',
    'backfill status organization-id',
    'backfill pause organization-id',
    'backfill resume organization-id',
    'rescue list',
    'repair-tracking',
    'migrate down --dry-run',
    'env set production --protect',
  ],
};

/** An expression of the user, which names its operator; a blank is written `·`. */
const joined = 'a.id·OPERATOR(pg_catalog.=)·b.id';

const own: Scenario = {
  name: 'the folder of dbops with rows',
  files: {
    'migrations/0001_a.up.sql': `${table('a')} ${table('b')}
      CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON public.a FOR EACH ROW EXECUTE FUNCTION public.stamp()`,
    'migrations/0001_a.down.sql':
      'DROP TABLE public.a; DROP TABLE public.b; DROP FUNCTION public.stamp()',
    'migrations/0002_index.up.sql':
      '-- dbops: no-transaction\nCREATE INDEX CONCURRENTLY a_note ON public.a (note);\nALTER TABLE public.b ADD more text;',
    'migrations/0002_index.down.sql':
      '-- dbops: no-transaction\nDROP INDEX CONCURRENTLY public.a_note;\nALTER TABLE public.b DROP more;',
    'migrations/0003_slug.up.sql':
      'ALTER TABLE public.a ADD slug varchar(20); ALTER TABLE public.b ADD slug varchar(20)',
    'migrations/0004_gone.up.sql': 'ALTER TABLE public.a DROP old; DROP TABLE public.b',
    'migrations/0005_last.up.sql': 'ALTER TABLE public.a ADD last text NOT NULL',
  },
  lines: [
    'migrate status',
    'migrate up --to 0003_slug',
    `sql: INSERT INTO public.a VALUES (1, 'x', 'o'), (2, 'y', 'p'); INSERT INTO public.b VALUES (1, 'x', 'o'), (3, 'z', 'q')`,
    'backfill run --table a --set slug=note --dry-run',
    'backfill run --table a --set slug=note --workers 2 --pause-when false',
    'backfill run --table a --set slug=note --fix-mismatched --restart',
    `backfill run --table public.b --set slug=a.note --from a --on ${joined} --orphans skip`,
    `backfill run --table public.b --set slug=a.note --from a --on ${joined} --orphans set=none`,
    'backfill list',
    'migrate up --to 0004_gone',
    'rescue list',
    'migrate up',
    'migrate down --to 0003_slug --confirm DB',
    'rescue list',
    'rescue restore',
    'rescue drop --all --confirm DB',
    'migrate redo --confirm DB',
    'migrate expand-contract 0005_last --set a.last=a.note',
    "sql: DELETE FROM dbops.migrations WHERE name OPERATOR(pg_catalog.=) '0002_index'",
    'repair-tracking',
    'repair-tracking --apply',
    'repair-tracking --undo',
    'sql: DELETE FROM dbops.migrations',
    'migrate baseline --to 0003_slug --dry-run',
    'migrate baseline --to 0003_slug',
    'verify',
    'migrate new further',
    'init',
  ],
};

const module = (parameter: string, sql: (text: string) => string) =>
  `export const up = async (${parameter}) => { await ${sql('CREATE TABLE public.t1 (id int)')}; };
   export const down = async (${parameter}) => { await ${sql('DROP TABLE public.t1')}; };`;

const others: Scenario[] = [
  {
    name: 'dbmate',
    files: {
      'migrations/20240101000000_a.sql': `-- migrate:up\n${table('t1')}\n-- migrate:down\nDROP TABLE public.t1;`,
    },
    lines: common,
  },
  {
    name: 'node-pg-migrate',
    files: {
      'migrations/1700000000000_a.sql': `-- Up Migration\n${table('t1')}\n-- Down Migration\nDROP TABLE public.t1;`,
    },
    lines: common,
  },
  {
    name: 'knex',
    files: {
      'migrations/20240101000000_a.mjs': module('knex', (text) => `knex.schema.raw('${text}')`),
    },
    lines: common,
  },
  {
    name: 'kysely',
    files: {
      'kysely.config.ts': 'export default {}',
      'migrations/2024-01-01_a.ts': `import { sql } from 'kysely';\n${module('db', (text) => `sql.raw('${text}').execute(db)`)}`,
    },
    lines: common,
  },
  {
    name: 'prisma',
    files: {
      'prisma/migrations/migration_lock.toml': 'provider = "postgresql"',
      'prisma/migrations/20240101000000_a/migration.sql': table('t1'),
      'prisma/migrations/20240101000000_a/down.sql': 'DROP TABLE public.t1;',
    },
    lines: common,
  },
  {
    name: 'supabase',
    files: { 'supabase/migrations/20240101000000_a.sql': table('t1') },
    lines: ['migrate status', 'migrate up', 'migrate status --check'],
  },
  {
    name: 'graphile-migrate',
    files: commit([{ slug: 'a', body: table('t1') }]),
    lines: ['migrate status', 'migrate up', 'migrate status --check', 'repair-tracking'],
  },
  {
    name: 'drizzle',
    files: {
      'drizzle/meta/_journal.json': JSON.stringify({
        version: '7',
        dialect: 'postgresql',
        entries: [
          { idx: 0, version: '7', when: 1_700_000_000_000, tag: '0000_a', breakpoints: true },
        ],
      }),
      'drizzle/0000_a.sql': table('t1'),
    },
    lines: ['migrate status', 'migrate up', 'migrate status --check', 'repair-tracking'],
  },
];

interface Trial {
  /** What each line ended with. */
  ends: string[];
  statements: Set<string>;
  fired: string[];
}

/** Plays a scenario as superuser in a database of its own. */
async function play(
  server: Server,
  { files, prepare, lines }: Scenario,
  { traps, path }: { traps?: Used; path?: string } = {},
): Promise<Trial> {
  let trial: Trial | undefined;
  await withDatabase(server, async (url) => {
    const project = projectOn(url, writeProject({ 'package.json': '{}' }));
    writeInto(project.root, files);
    const name = new URL(url).pathname.slice(1);
    await prepare?.(project);
    if (traps) await plantTraps(url, traps);
    if (path)
      await withClient(url, (client) =>
        client.query(`ALTER DATABASE ${name} SET search_path = ${path}`),
      );
    const ends: string[] = [];
    const record = await recorded(async () => {
      for (const line of lines) {
        if (line.startsWith('sql: ')) {
          await withClient(url, (client) => client.query(line.slice(5)));
          continue;
        }
        const { exitCode, stderr } = await project.dbops(
          ...line
            .replace('DB', name)
            .split(' ')
            .map((word) => word.replaceAll('·', ' ')),
        );
        // The traps are drift: verify reports them, and baseline refuses.
        const reportsDrift = /^(?:verify|migrate baseline)\b/.test(line);
        const isDone = exitCode === 0 || (reportsDrift && exitCode === 4);
        ends.push(`${line}: ${isDone ? 'done' : `${exitCode} ${lastOf(stderr)}`}`);
      }
    });
    trial = { ends, ...record };
  });
  if (!trial) throw new Error('nothing was played');
  return trial;
}

/** The code of the error. */
function lastOf(stderr: string): string {
  return /^error .*\b([A-Z]+\.[A-Z0-9_]+)$/m.exec(stderr)?.[1] ?? '';
}

describe.each(isLongRun ? servers : newest)(
  'an operator of another role in the search_path on $name',
  (server) => {
    it.each(isLongRun ? [bundled, own, ...others] : others.slice(0, 1))(
      'is never called by $name',
      async (scenario) => {
        const plain = await play(server, scenario);
        const traps = await usedBy(plain.statements);
        // With pg_catalog behind it, a trap in public has precedence over the very same operator there.
        const trapped = await play(server, scenario, { traps, path: 'public, pg_catalog' });
        expect([...new Set(trapped.fired)]).toEqual([]);
        expect(trapped.ends).toEqual(plain.ends);
      },
      400_000,
    );
  },
);
