import { escapeIdentifier as quoteIdentifier, escapeLiteral as quoteLiteral } from 'pg';

/**
 * Quotes names and literals. Only this file writes them into SQL text; values are sent as
 * parameters.
 */
export { quoteIdentifier, quoteLiteral };

/** Returns the name of an object in SQL; without a schema, `search_path` determines it. */
export function quoteName({ schema, name }: { schema?: string; name: string }): string {
  return schema ? `${quoteIdentifier(schema)}.${quoteIdentifier(name)}` : quoteIdentifier(name);
}
