import type { FieldDef } from 'pg';
import { withSavepoint, type Session } from '../db/session.ts';
import { codeOf } from '../db/connection-error.ts';
import { readAllRows } from '../db/row-security.ts';
import { toOwnPath, toUserPath } from '../db/search-path.ts';
import { isSqlState, sqlstate } from '../db/sqlstate.ts';
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

/** A part of the declarations that the server can resolve. */
export interface DeclaredPart {
  /** Such as `usage.meters.tokens`, `checks.one-wallet` or `reports/churn.sql`. */
  key: string;
  /** Resolves it in a READ ONLY transaction, without running it. @throws when it does not fit the database */
  prepare(session: Session): Promise<unknown>;
}

/** What the server says of an expression. */
export interface PreparedExpression {
  /** OID of its type in pg_type. */
  type: number;
}

/**
 * Reads each expression by the grammar and lets the server resolve its names and types, without running
 * it. Call it inside a READ ONLY transaction. What is right takes one statement; what the server rejects is then
 * prepared one by one, because its error does not name the declaration.
 *
 * @returns one result for each expression
 * @throws usage error that names the place in the configuration
 */
export async function prepareExpressions(
  session: Session,
  expressions: readonly DeclaredExpression[],
): Promise<PreparedExpression[]> {
  if (expressions.length === 0) return [];
  const sources = new Map(expressions.map(({ from }) => [from.place, from.sql]));
  for (const [place, sql] of sources) await readFrom(sql, place);
  for (const { place, sql } of expressions) await readExpression(sql, place);
  try {
    return await prepareTogether(session, expressions);
  } catch (error) {
    if (!isOfDeclaration(error)) throw error;
    const prepared: PreparedExpression[] = [];
    for (const each of expressions) prepared.push({ type: await typeOf(session, each) });
    return prepared;
  }
}

/** Resolves all expressions in one statement, which reads no row. */
async function prepareTogether(
  session: Session,
  expressions: readonly DeclaredExpression[],
): Promise<PreparedExpression[]> {
  const groups = [...Map.groupBy(expressions, ({ from }) => from.sql)];
  const parts = groups.map(([from, group], at) => `(${resolving(from, group)}) AS dbops_${at}`);
  const fields = await resolveColumns(session, `SELECT * FROM ${parts.join('\nCROSS JOIN ')}`);
  const types = new Map(
    groups
      .flatMap(([, group]) => group)
      .map((each, at): [DeclaredExpression, number] => [each, fields[at]?.dataTypeID ?? 0]),
  );
  return expressions.map((each) => ({ type: types.get(each) ?? 0 }));
}

/** WHERE takes no aggregate, no window function and no set, which are no values of a row. */
function resolving(from: string, group: readonly DeclaredExpression[]): string {
  const columns = group.map(({ sql }, at) => `(\n${sql}\n) AS c${at}`);
  const conditions = group.map(({ sql }) => `(\n${sql}\n) IS NULL`);
  return `SELECT ${columns.join(', ')} FROM ${from}\nWHERE ${conditions.join(' OR ')}\nLIMIT 0`;
}

/**
 * Classes of SQLSTATE of errors in the SQL itself or in a value that it meets: syntax, names, types, data, limits
 * of the server, functions that raise, and those that write. Others are of the connection, the role or the server.
 */
const classesOfSql = /^(?:0A|2[0-2F]|25006|3[489BDF]|42|44|54|P0)/;

/** Returns whether declared SQL, or a value in the rows, caused an error of the server. */
export function isOfDeclaration(error: unknown): boolean {
  const code = codeOf(error);
  return isSqlState(code) && code !== sqlstate.insufficientPrivilege && classesOfSql.test(code);
}

async function typeOf(session: Session, { place, sql, from }: DeclaredExpression): Promise<number> {
  await explained(session, `SELECT 1 FROM ${from.sql}\nLIMIT 0`, {
    ...from,
    before: 'SELECT 1 FROM '.length,
  });
  const [selected, tested] = ['SELECT (\n', `\n) FROM ${from.sql}\nWHERE (\n`];
  const [field] = await explained(session, `${selected}${sql}${tested}${sql}\n) IS NULL\nLIMIT 0`, {
    place,
    sql,
    before: selected.length,
    again: selected.length + sql.length + tested.length,
  });
  return field?.dataTypeID ?? 0;
}

/** Declared SQL inside a statement. */
export interface Placed extends DeclaredSql {
  /** The number of characters in front of it. */
  before: number;
  /** The same, where it occurs for the second time. */
  again?: number;
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
    if (!isOfDeclaration(error)) throw error;
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
  { place, sql, before, again = before }: Placed,
): DbopsError {
  const offset = [before, again]
    .map((start) => offsetOfError(error, statement, start))
    .findLast((each) => each !== undefined);
  const isInside = offset !== undefined && offset < sql.length;
  return usageError(
    'DECLARED.INVALID',
    `${place} does not run on this database.`,
    'Correct it in the configuration; if a migration creates what it names, apply it: dbops migrate status',
    [...(isInside ? excerpt(sql, offset) : [sql]), ...serverSays(error)],
  );
}
