import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';
import type { Project } from '../migrate/project.ts';

type Migrations = Awaited<ReturnType<typeof listMigrations>>;

const filters = { externalTables: [], externalEnums: [] };

/** Sends a migration whole, as the CLI's own driver; that of applications cuts it at each semicolon. */
class WholeScripts extends PrismaPg {
  override async connect() {
    const adapter = await super.connect();
    adapter.executeScript = async (sql) => {
      await adapter.executeRaw({ sql, args: [], argTypes: [] });
    };
    return adapter;
  }
}

/** Lets Prisma's schema engine work on a database, as the CLI of Prisma 7 does. */
export async function withEngine<T>(
  { root, url }: Pick<Project, 'root' | 'url'>,
  work: (engine: SchemaEngine, migrationsList: Migrations) => Promise<T>,
  schema?: string,
): Promise<T> {
  const pool = new pg.Pool({ connectionString: url });
  const adapter = bindMigrationAwareSqlAdapterFactory(
    new WholeScripts(pool, schema ? { schema } : {}),
  );
  const engine = await SchemaEngine.new({ datamodels: undefined }, () => {}, adapter);
  try {
    return await work(engine, await listMigrations(`${root}/prisma/migrations`));
  } finally {
    engine.free();
    await pool.end();
  }
}

/** `prisma migrate deploy`: the names of what was applied. */
export function deploy(project: Pick<Project, 'root' | 'url'>, schema?: string): Promise<string[]> {
  const apply = async (engine: SchemaEngine, migrationsList: Migrations) => {
    const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters });
    return appliedMigrationNames;
  };
  return withEngine(project, apply, schema);
}

/** `prisma migrate status`. */
export function diagnose(project: Pick<Project, 'root' | 'url'>) {
  return withEngine(project, (engine, migrationsList) =>
    engine.diagnoseMigrationHistory({ migrationsList, filters, optInToShadowDatabase: false }),
  );
}

/** As `packages/migrate/src/utils/listMigrations.ts` of prisma. */
async function listMigrations(baseDir: string) {
  const names = readdirSync(baseDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted((a, b) => a.localeCompare(b));
  const migrationDirectories = names.map(async (path) => {
    const content = await readFile(`${baseDir}/${path}/migration.sql`, 'utf8').then(
      (value) => ({ tag: 'ok' as const, value }),
      (error: unknown) => ({ tag: 'error' as const, value: String(error) }),
    );
    return { path, migrationFile: { path: 'migration.sql', content } };
  });
  const lockfile = {
    path: 'migration_lock.toml',
    content: await readFile(`${baseDir}/migration_lock.toml`, 'utf8').catch(() => null),
  };
  return {
    baseDir,
    lockfile,
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(migrationDirectories),
  };
}
