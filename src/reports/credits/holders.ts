import type { Session } from '../../db/session.ts';
import { queryDeclared } from '../../declared/run.ts';
import type { ExpressionType } from '../../declared/types.ts';
import { usageError } from '../../errors.ts';
import type { Credits } from './definition.ts';
import { asText, condition, equal, ofHolders } from './sql.ts';

/** Types of expressions, by their places. */
export type Types = ReadonlyMap<string, ExpressionType>;

/**
 * Returns the ids of the holders with this name, in any case, or this id; without one, `undefined`.
 *
 * @throws usage error when there is none: a mistyped name must not look like a holder without credits
 */
export async function findHolders(
  session: Session,
  { holders: { from, id, name, where } }: Credits,
  holder: string | undefined,
  command: string,
): Promise<string[] | undefined> {
  if (holder === undefined) return undefined;
  const lower = (sql: string) => `pg_catalog.lower(${sql} COLLATE pg_catalog."default")`;
  const named = name && `OR ${equal(lower(asText(name)), lower('CAST($1 AS pg_catalog.text)'))}`;
  const rows = await queryDeclared<{ id: string }>(
    session,
    'credits.holders',
    `SELECT DISTINCT ${asText(id)} AS id FROM ${from}
 WHERE ${condition(where)} AND (${equal(asText(id), 'CAST($1 AS pg_catalog.text)')} ${name ? named : ''})`,
    [holder],
  );
  if (rows.length > 0) return rows.map((row) => row.id);
  throw usageError(
    'REPORT.HOLDER',
    `No holder of credits has the ${name ? 'name or ' : ''}id ${holder}.`,
    `List every holder: ${command}`,
  );
}

/** Refuses rows of `credits.holders` that repeat an id: each figure would be counted several times. */
export function assertDistinct(
  rows: readonly { holder: string | null; copies: bigint | null }[],
): void {
  const repeated = rows.find(({ copies }) => (copies ?? 0n) > 1n);
  if (!repeated) return;
  throw usageError(
    'DECLARED.REPEATED',
    `credits.holders has several rows with the id ${repeated.holder ?? ''}.`,
    'Correct credits.holders.from, or select one row for each id with credits.holders.where',
  );
}

/** The type of the ids of the holders, beside that of an expression. */
export function typesWithId(types: Types, place: string) {
  return [types.get(place), types.get('credits.holders.id')] as const;
}

/** The condition on the rows of the holders themselves. */
export function holderFilter(
  types: Types,
  { holders }: Credits,
  ids: readonly string[] | undefined,
  placeholder: string,
): string {
  return ofHolders(holders.id, ids, typesWithId(types, 'credits.holders.id'), placeholder).sql;
}

/** Remarks on numbers that the server stores inexactly. */
export function inexactNotes(types: Types): string[] {
  return [...types]
    .filter(([, { builtIn }]) => builtIn === 'float4' || builtIn === 'float8')
    .map(
      ([place, { builtIn, name }]) =>
        `${place} is ${name}: each value is rounded to ${builtIn === 'float4' ? 6 : 15} digits`,
    );
}
