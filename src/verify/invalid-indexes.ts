import { quoteName } from '../db/quote.ts';
import { byName, isBeingBuilt, isLeftOver, isOfTeam } from './catalogue-sql.ts';
import type { CheckInput } from './definition.ts';
import { oncePerInput } from './once.ts';

/** An index that is invalid, is not being built, and is no remainder of REINDEX CONCURRENTLY. */
export interface InvalidIndex extends Record<'schema' | 'parent' | 'name', string> {
  isPartitioned: boolean;
  isUnique: boolean;
  /** SQL of the condition of a partial index. */
  predicate: string | null;
  nullsNotDistinct: boolean;
  /** SQL of the keys. */
  columns: string[];
  /** Whether its keys or its condition call functions of the team. */
  callsFunctions: boolean;
  /** A standby does not show what the primary builds. */
  isOnStandby: boolean;
}

const sql = `SELECT n.nspname AS schema, c.relname AS parent, i.relname AS name, i.relkind = 'I' AS "isPartitioned",
    x.indisunique AS "isUnique", pg_get_expr(x.indpred, x.indrelid) AS predicate,
    x.indnullsnotdistinct AS "nullsNotDistinct", pg_is_in_recovery() AS "isOnStandby",
    ARRAY(SELECT pg_get_indexdef(i.oid, at, true) FROM generate_series(1, x.indnkeyatts) at) AS columns,
    EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.oid
      AND d.refclassid = 'pg_proc'::regclass) AS "callsFunctions"
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = i.relnamespace
  WHERE NOT (x.indisvalid AND x.indisready AND x.indislive) AND NOT ${isLeftOver('i')}
    AND c.relpersistence <> 't' AND ${isOfTeam('n', 'pg_class', 'c.oid')}
    AND NOT ${isBeingBuilt('c.oid', 'i.oid')}
  ${byName('n.nspname', 'c.relname', 'i.relname')}`;

export const invalidIndexes = oncePerInput(({ session }: CheckInput): Promise<InvalidIndex[]> =>
  session.query<InvalidIndex & Record<string, unknown>>(sql),
);

/** Returns a query for the values that rows share; NULLs differ from one another by default. */
export function duplicatesOf({
  schema,
  parent,
  columns,
  predicate,
  nullsNotDistinct,
}: InvalidIndex): string {
  const present = nullsNotDistinct ? [] : columns.map((each) => `(${each}) IS NOT NULL`);
  const conditions = [...(predicate === null ? [] : [`(${predicate})`]), ...present];
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  const places = columns.map((_, at) => at + 1).join(', ');
  return `SELECT ${columns.join(', ')}, count(*) FROM ${quoteName({ schema, name: parent })}${where} GROUP BY ${places} HAVING count(*) > 1`;
}
