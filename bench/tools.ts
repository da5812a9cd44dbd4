import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import {
  dbmateLayout,
  dbopsLayout,
  drizzle1Layout,
  drizzleLayout,
  graphileLayout,
  knexLayout,
  kyselyLayout,
  type Layout,
  nodePgMigrateLayout,
  prismaLayout,
  psqlLayout,
  supabaseLayout,
} from './folders.ts';
import { peerModules } from './peers.ts';

/** One way to apply a folder of migrations. To add one: its layout, a tool here, and `tools`. */
export interface Tool {
  /** Names its databases and folder too. */
  id: string;
  name: string;
  layout: Layout;
  file: string;
  /** Before whatever the tool is told to do. */
  args: readonly string[];
  up: readonly string[];
  /** Further words that name the database, for a tool that takes no DATABASE_URL. */
  target?(url: string): string[];
  environment?: Readonly<Record<string, string>>;
  /** Absent: it has no such thing, or it is not the point. */
  version?: readonly string[];
  /** Its migrations are JavaScript: no tool runs one in a single round trip. */
  hasModules?: boolean;
  /** How many migrations its tracking table holds; absent: it has none. */
  recorded?: string;
}

const node = process.execPath;
const peer = (...path: string[]) => join(peerModules, ...path);

/** The floor: it reads one file and tracks nothing. */
export const psql: Tool = {
  id: 'psql',
  name: '`psql -1 -f`',
  layout: psqlLayout,
  file: 'psql',
  args: ['-X', '-q', '-v', 'ON_ERROR_STOP=1'],
  up: ['-1', '-f', 'all.sql'],
  target: (url) => ['-d', url],
};

/** Such as `psql (PostgreSQL) 18.4`; absent when it is not installed. */
export function psqlVersion(): string | undefined {
  const { stdout, status } = spawnSync(psql.file, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

export function dbopsFrom(bin: string): Tool {
  return {
    id: 'dbops',
    name: 'dbops',
    layout: dbopsLayout,
    file: node,
    args: [bin],
    up: ['migrate', 'up'],
    version: ['--version'],
    recorded: 'SELECT count(*)::int AS count FROM dbops.migrations',
  };
}

type Project = Pick<Tool, 'id' | 'name' | 'layout' | 'recorded' | 'hasModules'>;

/** dbops in the folder of another tool. */
export function dbopsOn(other: Project, dbops: Tool): Tool {
  const { layout, recorded, hasModules } = other;
  return {
    ...dbops,
    id: `dbops_on_${other.id}`,
    name: `dbops on the folder of ${other.name}`,
    layout,
    ...(recorded && { recorded }),
    ...(hasModules && { hasModules }),
  };
}

/** The Go program itself: npm's wrapper around it costs one more start of Node. */
const dbmate: Tool = {
  id: 'dbmate',
  name: 'dbmate',
  layout: dbmateLayout,
  file: peer('@dbmate', `${process.platform}-${process.arch}`, 'bin', 'dbmate'),
  args: ['--migrations-dir', 'migrations', '--no-dump-schema'],
  up: ['migrate'],
  recorded: 'SELECT count(*)::int AS count FROM schema_migrations',
};

const dbmateOfNpm = {
  name: 'dbmate (npm wrapper)',
  file: node,
  args: [peer('dbmate', 'dist', 'cli.js')],
  version: ['--version'],
};

const nodePgMigrate: Tool = {
  id: 'node_pg_migrate',
  name: 'node-pg-migrate',
  layout: nodePgMigrateLayout,
  file: node,
  args: [peer('node-pg-migrate', 'bin', 'node-pg-migrate.js')],
  up: ['up', '--no-verbose'],
  version: ['--version'],
  recorded: 'SELECT count(*)::int AS count FROM pgmigrations',
};

const drizzleKit: Tool = {
  id: 'drizzle_kit',
  name: 'drizzle-kit',
  layout: drizzleLayout,
  file: node,
  args: [peer('drizzle-kit', 'bin.cjs')],
  up: ['migrate'],
  version: ['--version'],
  recorded: 'SELECT count(*)::int AS count FROM drizzle.__drizzle_migrations',
};

const kyselyCtl: Tool = {
  id: 'kysely_ctl',
  name: 'kysely-ctl',
  layout: kyselyLayout,
  file: node,
  args: [peer('kysely-ctl', 'dist', 'bin.mjs')],
  up: ['migrate', 'latest'],
  version: ['--version'],
  hasModules: true,
  recorded: 'SELECT count(*)::int AS count FROM kysely_migration',
};

const knex: Tool = {
  id: 'knex',
  name: 'knex',
  layout: knexLayout,
  file: node,
  args: [peer('knex', 'bin', 'cli.js')],
  up: ['migrate:latest'],
  hasModules: true,
  recorded: 'SELECT count(*)::int AS count FROM knex_migrations',
};

const graphileMigrate: Tool = {
  id: 'graphile_migrate',
  name: 'graphile-migrate',
  layout: graphileLayout,
  file: node,
  args: [peer('graphile-migrate', 'dist', 'cli.js')],
  up: ['migrate'],
  recorded: 'SELECT count(*)::int AS count FROM graphile_migrate.migrations',
};

/** The migrator of drizzle-orm 1.0, which is what its drizzle-kit calls. */
const drizzle1: Tool = {
  id: 'drizzle_1',
  name: 'drizzle-orm 1.0',
  layout: drizzle1Layout,
  file: node,
  args: [join(import.meta.dirname, 'drizzle-1.mjs')],
  up: [],
  recorded: drizzleKit.recorded ?? '',
};

/** It asks for a password where the URL has none. */
const supabase: Tool = {
  id: 'supabase',
  name: 'Supabase CLI',
  layout: supabaseLayout,
  file: node,
  args: [peer('supabase', 'dist', 'supabase.js')],
  up: ['db', 'push', '--yes'],
  target: (url) => [`--remote=${url.replace('postgres@', 'postgres:none@')}`],
  environment: { PGSSLMODE: 'disable', SUPABASE_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
  recorded: 'SELECT count(*)::int AS count FROM supabase_migrations.schema_migrations',
};

export const peers: readonly Tool[] = [
  dbmate,
  nodePgMigrate,
  drizzleKit,
  kyselyCtl,
  knex,
  graphileMigrate,
  drizzle1,
  supabase,
];

/** Folders of tools that can not be measured here: the engine of Prisma's CLI is a download. */
export const withoutPeer: readonly Project[] = [
  {
    id: 'prisma',
    name: 'Prisma',
    layout: prismaLayout,
    recorded: 'SELECT count(*)::int AS count FROM _prisma_migrations WHERE finished_at IS NOT NULL',
  },
];

/** The programs whose bare start is compared. */
export const startable = [dbmateOfNpm, nodePgMigrate, drizzleKit, kyselyCtl];
