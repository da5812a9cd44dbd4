import {
  catalogName,
  ensureSchemaOf,
  quotedName,
  textOf,
  type TableName,
} from '../shared/tracking-table.ts';

/** Where Drizzle keeps its rows: `migrationsSchema` and `migrationsTable` of `migrate()`. */
export interface Place {
  /** For people. */
  text: string;
  /** As the catalog has it. */
  name: string;
  /** In SQL. */
  table: string;
  /** SQL that makes the schema where it is missing. */
  ensureSchema: string;
}

/** @param asked without a schema, in that of Drizzle */
export function placeOf(asked: TableName = { table: '__drizzle_migrations' }): Place {
  const name = { schema: 'drizzle', ...asked };
  const text = textOf(name);
  return {
    text,
    name: catalogName(name),
    table: text === 'drizzle.__drizzle_migrations' ? text : quotedName(name),
    ensureSchema: ensureSchemaOf(name),
  };
}
