import type { FieldDef } from 'pg';
import { withSavepoint, type Session } from '../db/session.ts';
import { codeOf } from '../db/connection-error.ts';
import { hidesRows, readAllRows } from '../db/row-security.ts';
import { toOwnPath, toUserPath } from '../db/search-path.ts';
import { isSqlState } from '../db/sqlstate.ts';
import { usageError, type DbopsError } from '../errors.ts';
import { excerpt, offsetOfError, serverSays } from '../sql/error-position.ts';
import { readExpression, readFrom } from '../sql/expression.ts';

/** SQL of a declaration, and its place there, such as `usage.meters.tokens.measure.sum`. */
export interface DeclaredSql {
  place: string;
  sql: string;
}

/** An expression over the rows of a FROM clause. */
export interface DeclaredExpression extends DeclaredSql {
  from: DeclaredSql;
}

/** What the server says of an expression. */
export interface PreparedExpression {
  /** OID of its type in pg_type. */
  type: number;
}

/**
 * Reads each expression by the grammar and lets the server resolve its names and types, without running
 * it. Call it inside a READ ONLY transaction.
 *
 * @returns one result for each expression
 * @throws usage error that names the place in the configuration
 */
export async function prepareExpressions(
  session: Session,
  expressions: readonly DeclaredExpression[],
): Promise<PreparedExpression[]> {
  for (const { place, sql, from } of expressions) {
    await readFrom(from.sql, from.place);
    await readExpression(sql, place);
  }
  const prepared = new Map<DeclaredExpression, PreparedExpression>();
  for (const group of Map.groupBy(expressions, ({ from }) => from.sql).values()) {
    const types = await typesTogether(session, group).catch(() => typesAlone(session, group));
    for (const [at, each] of group.entries()) prepared.set(each, { type: types[at] ?? 0 });
  }
  return expressions.map((each) => prepared.get(each) ?? { type: 0 });
}

/** One round trip for all expressions over one FROM clause; its error does not name one of them. */
async function typesTogether(
  session: Session,
  group: readonly DeclaredExpression[],
): Promise<number[]> {
  const list = (separator: string, suffix = '') =>
    group.map(({ sql }) => `(\n${sql}\n)${suffix}`).join(separator);
  const [{ from } = { from: { place: '', sql: '' } }] = group;
  const fields = await explained(
    session,
    `SELECT ${list(', ')} FROM ${from.sql}\nWHERE ${list(' OR ', ' IS NULL')}\nLIMIT 0`,
    { ...from, before: 0 },
  );
  return fields.map(({ dataTypeID }) => dataTypeID);
}

async function typesAlone(
  session: Session,
  group: readonly DeclaredExpression[],
): Promise<number[]> {
  const types: number[] = [];
  for (const each of group) types.push(await typeOf(session, each));
  return types;
}

async function typeOf(session: Session, { place, sql, from }: DeclaredExpression): Promise<number> {
  await explained(session, `SELECT 1 FROM ${from.sql}\nLIMIT 0`, {
    ...from,
    before: 'SELECT 1 FROM '.length,
  });
  // WHERE takes no aggregate, no window function and no set, which are no values of a row.
  const [field] = await explained(
    session,
    `SELECT (\n${sql}\n) FROM ${from.sql}\nWHERE (\n${sql}\n) IS NULL\nLIMIT 0`,
    { place, sql, before: 'SELECT (\n'.length },
  );
  return field?.dataTypeID ?? 0;
}

/** Declared SQL inside a statement: `before` is the number of characters in front of it. */
export interface Placed extends DeclaredSql {
  before: number;
}

/**
 * Lets the server resolve a statement that returns no row, under the path of the role.
 *
 * @returns its columns
 * @throws usage error with the place, the SQLSTATE and a caret
 */
export async function explained(
  session: Session,
  statement: string,
  placed: Placed,
): Promise<FieldDef[]> {
  try {
    return await resolveColumns(session, statement);
  } catch (error) {
    if (!isSqlState(codeOf(error)) || hidesRows(error)) throw error;
    throw declaredError(error, statement, placed);
  }
}

/**
 * Lets the server resolve a statement that returns no row, under the path of the role and behind a savepoint.
 *
 * @returns its columns
 */
export function resolveColumns(
  session: Session,
  statement: string,
  values: readonly (string | null)[] = [],
): Promise<FieldDef[]> {
  return withSavepoint(session, async () => {
    await session.script(`${toUserPath}; ${readAllRows}`);
    const { fields } = await session.client.query(statement, [...values]);
    await session.script(toOwnPath(session));
    return fields;
  });
}

/** Returns the error of declared SQL that the server rejects. */
export function declaredError(
  error: unknown,
  statement: string,
  { place, sql, before }: Placed,
): DbopsError {
  const offset = offsetOfError(error, statement, before);
  const isInside = offset !== undefined && offset < sql.length;
  return usageError(
    'DECLARED.INVALID',
    `${place} does not run on this database.`,
    'Correct it in the configuration, or apply the migration that creates what it names.',
    [...(isInside ? excerpt(sql, offset) : [sql]), ...serverSays(error)],
  );
}
