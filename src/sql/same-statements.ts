import { parse, SqlSyntaxError } from './statements.ts';

/**
 * Whether two texts hold the same statements in the same order: only comments, line endings and
 * layout differ.
 */
export async function sameStatements(one: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([meaningOf(one), meaningOf(other)]);
  return left !== undefined && left === right;
}

/** The parse tree without places; nothing for a text that does not parse. */
async function meaningOf(sql: string): Promise<string | undefined> {
  try {
    return JSON.stringify(await parse(sql), (key, value: unknown) =>
      places.has(key) ? undefined : value,
    );
  } catch (error) {
    if (error instanceof SqlSyntaxError) return undefined;
    throw error;
  }
}

const places = new Set(['location', 'stmt_location', 'stmt_len', 'list_start', 'list_end']);
