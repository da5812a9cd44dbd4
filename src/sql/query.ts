import { usageError } from '../errors.ts';
import { excerpt } from './error-position.ts';
import { splitStatements, parse, SqlSyntaxError } from './statements.ts';

/** Statements inside a query that change rows, and SELECT … INTO. */
const changes = /"(?:InsertStmt|UpdateStmt|DeleteStmt|MergeStmt|intoClause)":/;

/** One query, without its semicolon, and where it begins in the text. */
export interface Query {
  sql: string;
  offset: number;
}

/**
 * Parses one query: a SELECT, VALUES, TABLE or WITH that changes nothing.
 *
 * @param what its source, for messages
 * @throws usage error for anything else
 */
export async function readQuery(sql: string, what: string): Promise<Query> {
  const statements = await read(sql, what);
  const [only, another] = statements;
  if (!only) throw refused(what, 'it contains no statement');
  if (another) throw refused(what, 'it contains several statements');
  const [{ stmt } = {}] = await parse(only.sql);
  if (!stmt || !('SelectStmt' in stmt))
    throw refused(what, 'it is not a SELECT, and nothing else can be read');
  if (changes.test(JSON.stringify(stmt))) throw refused(what, 'it changes rows or creates a table');
  return { sql: only.sql, offset: only.offset };
}

async function read(sql: string, what: string) {
  try {
    return (await splitStatements(sql)).filter(({ sql: text }) => text.trim() !== '');
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    throw refused(what, error.message, excerpt(sql, error.offset));
  }
}

function refused(what: string, why: string, reason: string[] = []) {
  return usageError(
    'QUERY',
    `Invalid SQL in ${what}: ${why}.`,
    'Write one query: SELECT, VALUES, TABLE or WITH … SELECT. It runs in a READ ONLY transaction.',
    reason,
  );
}
