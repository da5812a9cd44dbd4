import { parse, SqlSyntaxError } from './statements.ts';

/**
 * Whether two texts hold the same statements in the same order: only comments, line endings and
 * layout differ.
 */
export async function sameStatements(one: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([meaningOf(one), meaningOf(other)]);
  return left !== undefined && left === right;
}

/**
 * Whether two texts that the server deparsed under an empty search_path are the same statement, but
 * for functions that SQL has a syntax of its own for: `timezone('utc', at)` and `at AT TIME ZONE
 * 'utc'` are one call. Databases that were made before PostgreSQL 14 keep the first form for ever.
 */
export async function sameButForSyntax(one: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([meaningOf(one, asCall), meaningOf(other, asCall)]);
  return left !== undefined && left === right;
}

/** Such a syntax names the server's function with its schema, a call does not. */
function asCall(key: string, value: unknown): unknown {
  if (key === 'funcformat') return undefined;
  return key === 'funcname' && JSON.stringify(value).startsWith(ofServer) && Array.isArray(value)
    ? value.slice(1)
    : value;
}

const ofServer = '[{"String":{"sval":"pg_catalog"}},';

type Replacer = (key: string, value: unknown) => unknown;

/** The parse tree without places; nothing for a text that does not parse. */
async function meaningOf(
  sql: string,
  replace: Replacer = (_, value) => value,
): Promise<string | undefined> {
  try {
    return JSON.stringify(await parse(sql), (key, value: unknown) =>
      places.has(key) ? undefined : replace(key, value),
    );
  } catch (error) {
    if (error instanceof SqlSyntaxError) return undefined;
    throw error;
  }
}

const places = new Set(['location', 'stmt_location', 'stmt_len', 'list_start', 'list_end']);
