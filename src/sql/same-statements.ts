import { parse, replacePieces, SqlSyntaxError } from './statements.ts';

/** Returns whether two texts differ only in comments, line endings and layout. */
export async function sameStatements(one: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([meaningOf(one), meaningOf(other)]);
  return left !== undefined && left === right;
}

/**
 * Returns whether two texts, deparsed by the server under an empty search_path, are equal except for
 * functions with SQL syntax: `timezone('utc', at)` and `at AT TIME ZONE 'utc'` are the same call.
 * Databases created before PostgreSQL 14 keep the first form.
 */
export async function sameButForSyntax(one: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([meaningOf(one, asCall), meaningOf(other, asCall)]);
  return left !== undefined && left === right;
}

/** The parse tree of SQL syntax has the function's schema, that of a call does not. */
function asCall(key: string, value: unknown): unknown {
  if (key === 'funcformat') return undefined;
  return key === 'funcname' && JSON.stringify(value).startsWith(ofServer) && Array.isArray(value)
    ? value.slice(1)
    : value;
}

const ofServer = '[{"String":{"sval":"pg_catalog"}},';

type Replacer = (key: string, value: unknown) => unknown;

/** Returns the parse tree without positions; undefined for a syntax error. */
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

/** Languages in which white space between tokens has no meaning. */
const freeForm = new Set(['sql', 'plpgsql']);

/**
 * Returns whether two function bodies differ at most in the white space between their tokens.
 * What is in a literal, a quoted name or a comment counts.
 *
 * @param language of the function; other languages than SQL and PL/pgSQL give white space a meaning
 */
export function isSameBody(one: string, other: string, language: string): boolean {
  if (one === other) return true;
  return freeForm.has(language) && withSingleSpaces(one) === withSingleSpaces(other);
}

/** Comments can be nested: such a body stays as it is. */
function withSingleSpaces(body: string): string {
  if (/\/\*[^*]*\/\*/.test(body)) return body;
  return replacePieces(body.trim(), (piece, kind) => {
    if (kind === 'space') return ' ';
    return kind === 'line comment' ? `${piece.trimEnd()}\n` : piece;
  });
}
