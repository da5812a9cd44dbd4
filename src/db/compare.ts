/**
 * Comparisons that mean the same under every search_path, for SQL that runs under that of the role
 * because it calls code of the application (triggers, checks, expressions).
 */

/**
 * SQL: `a IS NOT DISTINCT FROM b`, which has no form that names its operator. Records are compared by
 * the equality that the types of their columns have by default, and NULL equals NULL (server manual,
 * "Composite Type Comparison"). Both sides have one type and one collation.
 */
export function isSame(a: string, b: string): string {
  return `${recordOf(a)} OPERATOR(pg_catalog.=) ${recordOf(b)}`;
}

/** SQL: the same of two texts, whatever their collations. */
export function isSameText(a: string, b: string): string {
  const plain = (value: string) => `${value} COLLATE pg_catalog."C"`;
  return isSame(plain(a), plain(b));
}

/** SQL: `a IS DISTINCT FROM b`. See `isSame`. */
export function isOther(a: string, b: string): string {
  return `${recordOf(a)} OPERATOR(pg_catalog.<>) ${recordOf(b)}`;
}

function recordOf(value: string): string {
  return `ROW(${value})::pg_catalog.record`;
}
