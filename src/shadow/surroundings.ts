import type { Scope } from '../catalog/ignored.ts';
import { readExtensions } from '../catalog/relocation.ts';
import type { Surroundings } from '../catalog/scope.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import type { Session } from '../db/session.ts';
import type { Format } from '../formats/format.ts';
import { columnsKey, formats, trackingColumns } from '../formats/index.ts';

/**
 * Returns what of a database is not compared with its migrations, in the caller's transaction.
 *
 * @param objects all of the database
 */
export async function surroundingsOf(
  session: Session,
  { format, tracking }: { format: Format; tracking: { tables: readonly string[] } },
  { objects, scope }: { objects: readonly SchemaObject[]; scope: Scope },
): Promise<Surroundings> {
  return {
    toolTables: tracking.tables,
    otherTables: otherTrackingTables(objects),
    platformSchemas: await platformSchemas(session, format),
    extensions: await readExtensions(session),
    given: new Set(),
    scope,
  };
}

/**
 * Returns the schemas of the prelude, and of the platform that a database runs on, whichever tool its folder is written
 * for. They are recognised by the owner of some of them, because an application may have a schema
 * `auth` of its own.
 */
export async function platformSchemas(
  session: Session,
  { platform, prelude }: Pick<Format, 'platform' | 'prelude'>,
): Promise<readonly string[]> {
  const ofTeam = prelude?.schemas ?? [];
  if (platform) return [...platform.schemas, ...ofTeam];
  const known = formats.flatMap((format) => format.platform?.schemas ?? []);
  const rows = await session.query(
    `SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
      WHERE n.nspname = ANY ($1) AND starts_with(r.rolname, 'supabase_')`,
    [known],
  );
  return rows.length > 0 ? [...known, ...ofTeam] : ofTeam;
}

/** Returns the tables that look like tracking tables: of another folder, or of an earlier tool. */
function otherTrackingTables(all: readonly SchemaObject[]): string[] {
  const columns = all.filter(({ kind }) => kind === 'column');
  const byTable = Map.groupBy(columns, ({ schema, parent }) => `${schema}.${parent}`);
  return [...byTable].flatMap(([table, ofTable]) => {
    const { parent = '' } = ofTable[0] ?? {};
    const names = columnsKey(ofTable.map(({ name }) => name));
    const isTracking = trackingColumns.has(names) && (!common.has(names) || telltale.test(parent));
    return isTracking || isToolTable(parent) ? [table] : [];
  });
}

/** Returns whether a table has the name of one that a migration tool keeps its records in. */
export function isToolTable(name: string): boolean {
  return wellKnown.test(name);
}

/** Columns that a table of an application may have too. */
const common = new Set(['version', 'name timestamp', 'id name run_on']);
const telltale = /migrat|version|history|change_?log/i;

/** The tables of tools whose folders dbops does not read, and the lock tables of others. */
const wellKnown =
  /^(?:knex_migrations_lock|kysely_migration_lock|schema_migrations|ar_internal_metadata|_sqlx_migrations|flyway_schema_history|goose_db_version|gorp_migrations|databasechangelog(?:lock)?|sequelizemeta|alembic_version|atlas_schema_revisions|mikro_orm_migrations|django_migrations|__efmigrationshistory)$/i;
