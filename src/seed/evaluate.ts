import * as z from 'zod';
import { codeOf } from '../db/connection-error.ts';
import { isSqlState } from '../db/sqlstate.ts';
import { underUserPath } from '../db/search-path.ts';
import { withSavepoint, type Session } from '../db/session.ts';

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
  const suspicious = values.filter(({ sql }) => isSuspicious(sql));
  if (suspicious.length > 0) await readExpressions(suspicious);
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

/** @throws usage error where a text is not one expression */
async function readExpressions(values: readonly SqlOfRow[]): Promise<void> {
  const { readExpression } = await import('../sql/expression.ts');
  for (const { sql, place } of values) await readExpression(sql, place);
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

const lengthBefore = 'SELECT (SELECT (\n'.length;

/**
 * Lets the server resolve a SQL value without evaluating it.
 *
 * @throws usage error that names the place, the SQLSTATE and the position
 */
export async function prepareSql(session: Session, value: SqlOfRow): Promise<void> {
  const { explained } = await import('../declared/prepare.ts');
  await readExpressions([value]);
  const placed = { ...value, before: lengthBefore };
  await explained(session, `SELECT ${selected(value)} LIMIT 0`, placed);
}

/** Tries each value alone, to find the place of the error. */
async function explainedError(
  session: Session,
  values: readonly SqlOfRow[],
  error: unknown,
): Promise<unknown> {
  const { declaredError } = await import('../declared/prepare.ts');
  for (const value of values) {
    await prepareSql(session, value);
    const statement = `SELECT ${selected(value)}`;
    try {
      await withSavepoint(session, () => underUserPath(session, statement));
    } catch (cause) {
      return declaredError(cause, statement, { ...value, before: lengthBefore });
    }
  }
  return error;
}
