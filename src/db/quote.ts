import { escapeIdentifier as quoteIdentifier, escapeLiteral as quoteLiteral } from 'pg';

/** The one place where names and literals become SQL text; values travel as parameters. */
export { quoteIdentifier, quoteLiteral };

/** The name of an object in SQL; without a schema it is left to `search_path`. */
export function quoteName({ schema, name }: { schema?: string; name: string }): string {
  return schema ? `${quoteIdentifier(schema)}.${quoteIdentifier(name)}` : quoteIdentifier(name);
}
