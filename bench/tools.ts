import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import {
  dbmateLayout,
  dbopsLayout,
  drizzleLayout,
  graphileLayout,
  knexLayout,
  kyselyLayout,
  type Layout,
  nodePgMigrateLayout,
  psqlLayout,
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

/** dbops in the folder of another tool. */
export function dbopsOn(other: Tool, dbops: Tool): Tool {
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

export const peers: readonly Tool[] = [
  dbmate,
  nodePgMigrate,
  drizzleKit,
  kyselyCtl,
  knex,
  graphileMigrate,
];

/** The programs whose bare start is compared. */
export const startable = [dbmateOfNpm, nodePgMigrate, drizzleKit, kyselyCtl];
