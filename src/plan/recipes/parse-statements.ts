import { commandsOf } from '../../sql/non-transactional.ts';
import { piecesOf, type Piece } from '../../sql/alter-table.ts';
import {
  commentsBefore,
  withoutComments,
  withoutLeadingComments,
  withoutTrailingComments,
} from '../../sql/statement-text.ts';
import { parse, splitStatements } from '../../sql/statements.ts';
import type { ParsedStatement } from './recipe.ts';

/** Returns the statements of a migration. @throws SqlSyntaxError */
export async function parseStatements(sql: string): Promise<ParsedStatement[]> {
  const split = await splitStatements(sql);
  const all = (await Promise.all(split.map(({ sql: text }) => statementOf(text)))).map(
    (statement, at) => ({ ...statement, offset: split[at]?.offset ?? 0 }),
  );
  const statements: ParsedStatement[] = [];
  for (const [at, statement] of all.entries())
    statements.push({
      ...statement,
      // Linked lazily: each statement sees the others with their own neighbours.
      get earlier() {
        return statements.slice(0, at);
      },
      get later() {
        return statements.slice(at + 1);
      },
    });
  return statements;
}

/** Returns a command of an `ALTER TABLE` as a statement. */
export async function statementOfPiece(
  piece: Piece,
  { offset, earlier, later }: Pick<ParsedStatement, 'offset' | 'earlier' | 'later'>,
): Promise<ParsedStatement> {
  return { ...(await statementOf(piece.sql)), offset, earlier, later };
}

async function statementOf(text: string) {
  const sql = await textOfStatement(withoutLeadingComments(text));
  const certain = (await withoutExistenceTest(sql)) ?? sql;
  const [{ stmt } = {}] = await parse(certain);
  return {
    sql,
    node: stmt ?? { RawStmt: {} },
    pieces: await piecesOf(certain),
    isConditional: certain !== sql,
  };
}

/** Recipes add to a statement: comments are left only in CREATE TABLE, where they describe columns. */
async function textOfStatement(sql: string): Promise<string> {
  const [{ stmt } = {}] = await parse(sql);
  return stmt && 'CreateStmt' in stmt ? withoutTrailingComments(sql) : withoutComments(sql);
}

/** Returns ADD COLUMN for an ALTER TABLE whose only command is ADD COLUMN IF NOT EXISTS. */
async function withoutExistenceTest(sql: string): Promise<string | undefined> {
  if (!(await isConditional(sql))) return undefined;
  const certain = sql.replace(/(\badd\s+(?:column\s+)?)if\s+not\s+exists\s+/i, '$1');
  return (await isConditional(certain)) ? undefined : certain;
}

async function isConditional(sql: string): Promise<boolean> {
  const [{ stmt } = {}] = await parse(sql);
  const [command, another] = commandsOf(stmt);
  return !another && command?.subtype === 'AT_AddColumn' && command.missing_ok === true;
}

/** Lines that a tool or dbops reads: they are written again where the format needs them. */
const marks = [
  /^\s*--\s*dbops:/,
  /^\s*-->\s*statement-breakpoint/,
  /^\s*--\s*migrate:(?:up|down)\b/,
  /^\s*--[\s-]*(?:up|down)\s+migration/i,
  /^\s*--\s*pg-delta:/,
];

/** Returns the comments in a text that is before a statement, without those that other tools or dbops read. */
export function leadingComments(sql: string): string {
  return commentsBefore(sql)
    .split('\n')
    .filter((line) => !marks.some((mark) => mark.test(line)))
    .join('\n')
    .trim();
}
