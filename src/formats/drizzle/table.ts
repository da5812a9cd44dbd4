import {
  catalogName,
  ensureSchemaOf,
  quotedName,
  textOf,
  type TrackingTableName,
} from '../shared/tracking-table.ts';

/** The tracking table: `migrationsSchema` and `migrationsTable` of `migrate()`. */
export interface DrizzleTable {
  /** The name for messages. */
  text: string;
  /** `schema.table`, unquoted. */
  name: string;
  /** In SQL. */
  table: string;
  /** SQL that creates the schema if it is missing. */
  ensureSchema: string;
}

/** @param requested the configured name; its default schema is `drizzle` */
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
