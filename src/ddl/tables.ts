import { quoteName } from '../db/quote.ts';
import type { Session } from '../db/session.ts';

/** The tables of a database by their OIDs, which no rename changes, and what they are children of. */
export interface Tables {
  names: ReadonlyMap<number, TableName>;
  children: readonly Child[];
}

interface TableName {
  schema: string;
  name: string;
}

/** A table as a partition of another, or as one that inherits from it. */
interface Child {
  table: number;
  parent: number;
  /** SQL: `FOR VALUES …` or `DEFAULT`; `null` where it inherits. */
  bound: string | null;
}

/** Reads the tables outside the system's schemas. */
export async function readTables(session: Session): Promise<Tables> {
  const tables = await session.query<TableName & { oid: number }>(
    `SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema$)'`,
  );
  const children = await session.query<Child & Record<string, unknown>>(
    `SELECT i.inhrelid::int8::float8 AS "table", i.inhparent::int8::float8 AS parent,
        CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS bound
       FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE c.relkind IN ('r', 'p') ORDER BY i.inhrelid, i.inhseqno`,
  );
  return { names: new Map(tables.map(({ oid, ...name }) => [oid, name])), children };
}

/** SQL that takes tables which existed before out of the parents that they have got since. */
export function detachments(now: Tables, before: Tables): string[] {
  return missingFrom(before, now).flatMap(({ table, parent, bound }) =>
    before.names.has(table)
      ? bound === null
        ? `ALTER TABLE ${nameOf(now, table)} NO INHERIT ${nameOf(now, parent)}`
        : `ALTER TABLE ${nameOf(now, parent)} DETACH PARTITION ${nameOf(now, table)}`
      : [],
  );
}

/** Returns SQL that attaches tables to the parents that they had before, if they still exist. */
export function attachments(now: Tables, before: Tables): string[] {
  return missingFrom(now, before).flatMap(({ table, parent, bound }) =>
    now.names.has(table) && now.names.has(parent)
      ? bound === null
        ? `ALTER TABLE ${nameOf(now, table)} INHERIT ${nameOf(now, parent)}`
        : `ALTER TABLE ${nameOf(now, parent)} ATTACH PARTITION ${nameOf(now, table)} ${bound}`
      : [],
  );
}

/** Names, as SQL, of tables of both that are not in `after`. */
export function droppedTables(now: Tables, before: Tables, after: Tables): string[] {
  return [...before.names.keys()].flatMap((oid) =>
    now.names.has(oid) && !after.names.has(oid) ? nameOf(before, oid) : [],
  );
}

function missingFrom(some: Tables, others: Tables): Child[] {
  const known = new Set(some.children.map(keyOf));
  return others.children.filter((child) => !known.has(keyOf(child)));
}

function keyOf({ table, parent, bound }: Child): string {
  return JSON.stringify([table, parent, bound]);
}

function nameOf({ names }: Tables, oid: number): string {
  const name = names.get(oid);
  if (!name) throw new Error(`no table has the OID ${oid}`);
  return quoteName(name);
}
