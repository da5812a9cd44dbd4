import type { FieldDef } from 'pg';
import type { Session } from '../db/session.ts';
import { usageError, type DbopsError } from '../errors.ts';
import { excerpt, offsetOfError, serverSays } from '../sql/error-position.ts';
import { readQuery } from '../sql/query.ts';
import { isOfDeclaration, resolveColumns, type DeclaredSql } from './prepare.ts';

/** A query of a declaration as it is sent: names of parameters are replaced. */
export interface DeclaredQuery extends DeclaredSql {
  /** As it is written in the declaration. */
  written: string;
  values: readonly (string | null)[];
  /** Returns the offset in `written` of an offset in `sql`. */
  offsetOf(offset: number): number;
}

/** Reads a query without parameters. @throws usage error when the text is not one query */
export async function plainQuery({ place, sql }: DeclaredSql): Promise<DeclaredQuery> {
  const query = await readQuery(sql, place);
  const offsetOf = (offset: number) => query.offset + offset;
  return { place, sql: query.sql, written: sql, values: [], offsetOf };
}

const head = 'SELECT * FROM (\n';

/**
 * Lets the server resolve a query without running it, under the path of the role.
 *
 * @returns its columns
 * @throws usage error with the place, the SQLSTATE and a caret
 */
export async function prepareQuery(session: Session, query: DeclaredQuery): Promise<FieldDef[]> {
  const text = `${head}${query.sql}\n) AS declared\nLIMIT 0`;
  try {
    return await resolveColumns(session, text, query.values);
  } catch (error) {
    if (!isOfDeclaration(error)) throw error;
    throw queryError(error, query, text, head.length);
  }
}

/** Returns the error of a query that the server rejects. @param before length of what precedes the query */
function queryError(
  error: unknown,
  query: DeclaredQuery,
  sent: string,
  before: number,
): DbopsError {
  return usageError(
    'DECLARED.INVALID',
    `${query.place} does not run on this database.`,
    'Correct it; if a migration creates what it names, apply it: dbops migrate status',
    [...placeOf(error, query, sent, before), ...serverSays(error)],
  );
}

/** Returns the line of the query at which the server reports an error, with a caret; else nothing. */
export function placeOf(
  error: unknown,
  { written, offsetOf }: Pick<DeclaredQuery, 'written' | 'offsetOf'>,
  sent: string,
  before: number,
): string[] {
  const offset = offsetOfError(error, sent, before);
  if (offset === undefined) return [];
  const there = offsetOf(offset);
  return there < written.length ? excerpt(written, there) : [];
}
