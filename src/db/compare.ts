/**
 * Comparisons that mean the same under every search_path, for SQL that runs under that of the role
 * because it calls code of the application (triggers, checks, expressions).
 */

/**
 * Returns SQL for `a IS NOT DISTINCT FROM b`. That syntax cannot name the schema of its operator, so
 * both sides are written as records, which are compared by the default equality of the types of their columns, and NULL equals NULL (server
 * manual, "Composite Type Comparison"). Both sides have one type and one collation.
 */
export function isSame(a: string, b: string): string {
  return `${recordOf(a)} OPERATOR(pg_catalog.=) ${recordOf(b)}`;
}

/** Returns the same SQL for two texts, whatever their collations. */
export function isSameText(a: string, b: string): string {
  const plain = (value: string) => `${value} COLLATE pg_catalog."C"`;
  return isSame(plain(a), plain(b));
}

/** Returns SQL for `a IS DISTINCT FROM b`. See `isSame`. */
export function isOther(a: string, b: string): string {
  return `${recordOf(a)} OPERATOR(pg_catalog.<>) ${recordOf(b)}`;
}

function recordOf(value: string): string {
  return `ROW(${value})::pg_catalog.record`;
}
