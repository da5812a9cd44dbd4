import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { excerpt } from '../sql/error-position.ts';
import { prepareExpressions, type DeclaredExpression } from './prepare.ts';

/** What the type of an expression must be. */
export type ExpectedType = 'number' | 'plain number' | 'boolean' | 'time' | 'any';

export interface TypedExpression extends DeclaredExpression {
  expects: ExpectedType;
}

/** The type of an expression; a domain is its base type. */
export interface ExpressionType {
  oid: number;
  /** As the server writes it, such as `double precision`. */
  name: string;
  /** Its name in pg_catalog; absent for any other schema. */
  builtIn?: string;
  category: string;
}

const numbers = new Set(['int2', 'int4', 'int8', 'float4', 'float8', 'numeric']);
const times = new Set(['date', 'timestamp', 'timestamptz']);
const wanted: Record<ExpectedType, string> = {
  number: 'a number',
  'plain number': 'an integer, a numeric or a floating-point number',
  boolean: 'a condition (boolean)',
  time: 'a date, a timestamp or a timestamptz',
  any: 'a value',
};

/**
 * Prepares each expression and checks its type.
 *
 * @returns the types, by the place of the expression
 * @throws usage error that names the place
 */
export async function prepareTyped(
  session: Session,
  expressions: readonly TypedExpression[],
): Promise<Map<string, ExpressionType>> {
  const prepared = await prepareExpressions(session, expressions);
  const types = await readTypes(
    session,
    prepared.map(({ type }) => type),
  );
  const placed = new Map<string, ExpressionType>();
  for (const [at, { place, sql, expects }] of expressions.entries()) {
    const type = types.get(prepared[at]?.type ?? 0);
    if (!type) continue;
    if (!fits(type, expects))
      throw usageError(
        'DECLARED.INVALID',
        `${place} has the type ${type.name}; expected ${wanted[expects]}.`,
        'Correct it in the configuration; a cast is written CAST(… AS …)',
        [...excerpt(sql, 0), `SQLSTATE ${sqlstate.datatypeMismatch}: expected ${wanted[expects]}`],
      );
    placed.set(place, type);
  }
  return placed;
}

function fits({ category, builtIn = '' }: ExpressionType, expects: ExpectedType): boolean {
  if (expects === 'number') return category === 'N' && !/^(?:oid|reg)/.test(builtIn);
  if (expects === 'plain number') return numbers.has(builtIn);
  if (expects === 'boolean') return category === 'B';
  return expects === 'any' || times.has(builtIn);
}

async function readTypes(
  session: Session,
  oids: readonly number[],
): Promise<Map<number, ExpressionType>> {
  const rows = await session.query<{
    declared: number;
    oid: number;
    name: string;
    builtIn: string | null;
    category: string;
  }>(
    `WITH RECURSIVE chain AS (
       SELECT oid AS declared, oid FROM pg_type WHERE oid = ANY ($1::oid[])
        UNION ALL
       SELECT c.declared, t.typbasetype FROM chain c JOIN pg_type t ON t.oid = c.oid
        WHERE t.typtype = 'd')
     SELECT c.declared, t.oid, format_type(t.oid, NULL) AS name, t.typcategory AS category,
            CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname::text END AS "builtIn"
       FROM chain c JOIN pg_type t ON t.oid = c.oid
      WHERE t.typtype <> 'd'`,
    [[...new Set(oids)]],
  );
  return new Map(
    rows.map(({ declared, builtIn, ...type }) => [
      declared,
      { ...type, ...(builtIn && { builtIn }) },
    ]),
  );
}
