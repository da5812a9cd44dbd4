import { quoteIdentifier, quoteLiteral } from '../../db/quote.ts';

/** The name that a tool was given for its tracking table. */
export interface TrackingTableName {
  /** Absent: where the tool keeps it without being told a schema. */
  schema?: string;
  table: string;
}

const part = /"((?:[^"]|"")+)"|([^".\s]+)/.source;
const name = new RegExp(`^(?:(?:${part})\\.)?(?:${part})$`);

/**
 * Reads `table`, `schema.table` or `"My Schema"."table"`. Tools quote the names that they are given,
 * so capitals stay as they are; quotes are for names with a dot, a quote or white space.
 *
 * @returns nothing when it is no name
 */
export function parseTableName(text: string): TrackingTableName | undefined {
  const found = name.exec(text);
  if (!found) return undefined;
  const [, quotedSchema, plainSchema, quotedTable, plainTable = ''] = found;
  const schema = quotedSchema?.replaceAll('""', '"') ?? plainSchema;
  const table = quotedTable?.replaceAll('""', '"') ?? plainTable;
  return schema === undefined ? { table } : { schema, table };
}

/** The name as `parseTableName` reads it. */
export function textOf({ schema, table }: TrackingTableName): string {
  const written = (each: string) => (/[".\s]/.test(each) ? quoteIdentifier(each) : each);
  return schema === undefined ? written(table) : `${written(schema)}.${written(table)}`;
}

/** The name in SQL. */
export function quotedName({ schema, table }: TrackingTableName): string {
  const quoted = quoteIdentifier(table);
  return schema === undefined ? quoted : `${quoteIdentifier(schema)}.${quoted}`;
}

/** The name as the catalog has it, of a table that is in `public` unless it says otherwise. */
export function catalogName({ schema = 'public', table }: TrackingTableName): string {
  return `${schema}.${table}`;
}

/**
 * SQL that makes the schema of a table where it is missing. IF NOT EXISTS alone would ask for
 * rights that only its creator needs.
 */
export function ensureSchemaOf({ schema }: TrackingTableName): string {
  if (schema === undefined) return '';
  const quoted = quoteIdentifier(schema);
  const body = `BEGIN IF to_regnamespace(${quoteLiteral(quoted)}) IS NULL THEN CREATE SCHEMA IF NOT EXISTS ${quoted}; END IF; END`;
  return `DO ${quoteLiteral(body)};`;
}
