import {
  catalogName,
  ensureSchemaOf,
  quotedName,
  textOf,
  type TrackingTableName,
} from '../shared/tracking-table.ts';

/** Where Drizzle keeps its rows: `migrationsSchema` and `migrationsTable` of `migrate()`. */
export interface DrizzleTable {
  /** For people. */
  text: string;
  /** As the catalog has it. */
  name: string;
  /** In SQL. */
  table: string;
  /** SQL that makes the schema where it is missing. */
  ensureSchema: string;
}

/** @param requested without a schema, in that of Drizzle */
export function drizzleTable(
  requested: TrackingTableName = { table: '__drizzle_migrations' },
): DrizzleTable {
  const name = { schema: 'drizzle', ...requested };
  const text = textOf(name);
  return {
    text,
    name: catalogName(name),
    table: text === 'drizzle.__drizzle_migrations' ? text : quotedName(name),
    ensureSchema: ensureSchemaOf(name),
  };
}
