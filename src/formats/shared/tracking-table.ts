import { quoteIdentifier, quoteLiteral } from '../../db/quote.ts';

/** The configured name of a tracking table. */
export interface TrackingTableName {
  /** Absent: the tool's default schema. */
  schema?: string;
  table: string;
}

const part = /"((?:[^"]|"")+)"|([^".\s]+)/.source;
const name = new RegExp(`^(?:(?:${part})\\.)?(?:${part})$`);

/**
 * Parses `table`, `schema.table` or `"My Schema"."table"`. Capitals are kept, because tools quote
 * configured names; quotes are for names with a dot, a quote or white space.
 *
 * @returns undefined when the text is not a name
 */
export function parseTableName(text: string): TrackingTableName | undefined {
  const found = name.exec(text);
  if (!found) return undefined;
  const [, quotedSchema, plainSchema, quotedTable, plainTable = ''] = found;
  const schema = quotedSchema?.replaceAll('""', '"') ?? plainSchema;
  const table = quotedTable?.replaceAll('""', '"') ?? plainTable;
  return schema === undefined ? { table } : { schema, table };
}

/** Returns the name as `parseTableName` reads it. */
export function textOf({ schema, table }: TrackingTableName): string {
  const written = (each: string) => (/[".\s]/.test(each) ? quoteIdentifier(each) : each);
  return schema === undefined ? written(table) : `${written(schema)}.${written(table)}`;
}

/** Returns the name in SQL. */
export function quotedName({ schema, table }: TrackingTableName): string {
  const quoted = quoteIdentifier(table);
  return schema === undefined ? quoted : `${quoteIdentifier(schema)}.${quoted}`;
}

/** Returns `schema.table`; the default schema is `public`. */
export function catalogName({ schema = 'public', table }: TrackingTableName): string {
  return `${schema}.${table}`;
}

/**
 * Returns SQL that creates the schema of a table if it is missing. CREATE SCHEMA IF NOT EXISTS checks
 * the CREATE privilege on the database even when the schema exists.
 */
export function ensureSchemaOf({ schema }: TrackingTableName): string {
  if (schema === undefined) return '';
  const quoted = quoteIdentifier(schema);
  const body = `BEGIN IF to_regnamespace(${quoteLiteral(quoted)}) IS NULL THEN CREATE SCHEMA IF NOT EXISTS ${quoted}; END IF; END`;
  return `DO ${quoteLiteral(body)};`;
}
