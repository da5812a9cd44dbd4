import * as z from 'zod';
import { codeOf } from '../db/connection-error.ts';
import { isSqlState } from '../db/sqlstate.ts';
import { underUserPath } from '../db/search-path.ts';
import { withSavepoint, type Session } from '../db/session.ts';
import { declaredError, explained } from '../declared/prepare.ts';
import { readExpression } from '../sql/expression.ts';

export interface SqlOfRow {
  /** Such as `seeds.users.rows[1].password`. */
  place: string;
  sql: string;
  /** Its column is json or jsonb. */
  isJson: boolean;
}

/** The values as JSON text, by place. */
export type Evaluated = ReadonlyMap<string, string>;

/**
 * Lets the server evaluate SQL values, with one statement for all, under the path of the role.
 *
 * @throws usage error that names the place, the SQLSTATE and the position
 */
export async function evaluateSql(
  session: Session,
  values: readonly SqlOfRow[],
): Promise<Evaluated> {
  if (values.length === 0) return new Map();
  for (const { sql, place } of values) if (isSuspicious(sql)) await readExpression(sql, place);
  const columns = values.map((each, at) => `${selected(each)} AS ":${at}"`);
  try {
    const [row] = await withSavepoint(session, () =>
      underUserPath<Record<string, unknown>>(session, `SELECT ${columns.join(', ')}`),
    );
    return jsonByPlace(values, row);
  } catch (error) {
    if (!isSqlState(codeOf(error))) throw error;
    throw await explainedError(session, values, error);
  }
}

/** Whether a text may be more than one expression: the grammar takes long to load, and decides. */
function isSuspicious(sql: string): boolean {
  let depth = 0;
  for (const [character] of sql.matchAll(/[()]/g)) {
    depth += character === '(' ? 1 : -1;
    if (depth < 0) return true;
  }
  return depth !== 0 || /;|--|\/\*/.test(sql);
}

/** An input function reads the text; that of jsonb would read a string of JSON as a string. */
function selected({ sql, isJson }: SqlOfRow): string {
  return `(SELECT (\n${sql}\n)${isJson ? '::pg_catalog.jsonb' : ''}::pg_catalog.text)`;
}

function jsonByPlace(values: readonly SqlOfRow[], row: unknown): Evaluated {
  const texts = z.record(z.string(), z.string().nullable()).parse(row);
  return new Map(
    values.map(({ place, isJson }, at) => {
      const text = texts[`:${at}`] ?? null;
      return [place, text !== null && isJson ? text : JSON.stringify(text)];
    }),
  );
}

/** Tries each value alone, to find the place of the error. */
async function explainedError(
  session: Session,
  values: readonly SqlOfRow[],
  error: unknown,
): Promise<unknown> {
  for (const value of values) {
    await readExpression(value.sql, value.place);
    const before = '(SELECT (\n'.length + 'SELECT '.length;
    const statement = `SELECT ${selected(value)}`;
    await explained(session, `${statement} LIMIT 0`, { ...value, before });
    try {
      await withSavepoint(session, () => underUserPath(session, statement));
    } catch (cause) {
      return declaredError(cause, statement, { ...value, before });
    }
  }
  return error;
}
