import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import type { ChangedColumn } from './column-changes.ts';

/** A column before the migration. */
export interface FormerColumn {
  /** OID of the table as text, which a session of any kind returns alike. */
  oid: string;
  schema: string;
  table: string;
  /** Its number in the table. */
  number: number;
  /** SQL of its type with its length, and of the collation if it is not that of the type. */
  type: string;
  /** SQL of the type for a cast that truncates nothing. */
  castType: string;
  /** Its type without a length, as the server names it. */
  plainType: string;
  isNotNull: boolean;
  /** Whether no column is behind it. */
  isLast: boolean;
  /** Names of all columns of the table. */
  siblings: string[];
}

type Refusable = FormerColumn & {
  kind: string;
  isTyped: boolean;
  hasRelatives: boolean;
  generated: string;
  users: { what: string; isCarried: boolean }[];
};

/**
 * Reads a column that the migration changes.
 *
 * @param table OID as text
 * @throws usage error when something depends on the column that cannot be moved to another one
 */
export async function readFormerColumn(
  session: Session,
  oid: string,
  change: ChangedColumn,
): Promise<FormerColumn> {
  const [row] = await session.query<Refusable & Record<string, unknown>>(columnSql, [
    oid,
    change.column,
  ]);
  const name = `${change.table.name}.${change.column}`;
  if (!row) throw refused(`Column ${name} does not exist`, 'Correct the migration.');
  assertPlain(row, name);
  return row;
}

function assertPlain(row: Refusable, name: string): void {
  const { kind, isTyped, hasRelatives, generated, users, table } = row;
  if (kind !== 'r' || hasRelatives || isTyped)
    throw refused(
      `${table} is ${kind === 'p' ? 'partitioned' : isTyped ? 'a table of a composite type' : 'in an inheritance tree'}, and ${name} cannot be replaced in one table alone`,
      byHand,
    );
  if (generated !== '')
    throw refused(`${name} is a generated column`, 'Add a generated column of the new type.');
  const others = users.filter(({ isCarried }) => !isCarried).map(({ what }) => what);
  if (others.length > 0)
    throw refused(
      `${others.length === 1 ? `${others[0]} uses` : `${others.length} objects use`} ${name}, and dbops cannot move ${others.length === 1 ? 'it' : 'them'} to another column`,
      'Drop what uses the column in a migration before this one, create it again in one behind the split, and run the command again.',
      others,
    );
}

const byHand =
  'Apply the migration unchanged (dbops migrate plan shows what it blocks), or write the steps by hand; see docs/backfill.md.';

function refused(what: string, hint: string, reason: string[] = []) {
  return usageError('EXPAND.UNSUPPORTED', `${what}; no file was written.`, hint, reason);
}

/** bpchar and bit without a length are written as `character` and `bit`, which mean a length of 1. */
const columnSql = `SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS table, a.attnum::int AS number, c.relkind AS kind,
       c.reloftype <> 0 AS "isTyped",
       c.relispartition OR EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent)) AS "hasRelatives",
       ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid) AS siblings, a.attgenerated AS generated,
       NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attnum > a.attnum AND NOT attisdropped) AS "isLast", a.attnotnull AS "isNotNull",
       format_type(a.atttypid, a.atttypmod) || coalesce((
         SELECT format(' COLLATE %I.%I', s.nspname, l.collname) FROM pg_collation l JOIN pg_namespace s ON s.oid = l.collnamespace
          WHERE l.oid = a.attcollation AND l.oid <> t.typcollation), '') AS type,
       CASE a.atttypid WHEN 'bpchar'::regtype THEN 'pg_catalog.bpchar' WHEN 'bit'::regtype THEN 'pg_catalog."bit"'
         ELSE format_type(a.atttypid, NULL) END AS "castType",
       format_type(a.atttypid, NULL) AS "plainType",
       coalesce((SELECT jsonb_agg(DISTINCT jsonb_build_object('what', what, 'isCarried', is_carried)) FROM (
         SELECT coalesce(
                  (SELECT format('view %s', w.ev_class::regclass) FROM pg_rewrite w
                    WHERE d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid AND w.rulename = '_RETURN'),
                  (SELECT format('generated column %I', g.attname) FROM pg_attrdef f JOIN pg_attribute g ON g.attrelid = f.adrelid AND g.attnum = f.adnum
                    WHERE d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid AND f.adnum <> a.attnum),
                  CASE WHEN d.classid = 'pg_class'::regclass AND d.objid = c.oid THEN 'the partition key' END,
                  pg_describe_object(d.classid, d.objid, d.objsubid)) AS what,
                coalesce(CASE d.classid
                  WHEN 'pg_class'::regclass THEN (SELECT i.relkind = 'S' OR i.relkind = 'i' AND i.reltablespace = 0 FROM pg_class i WHERE i.oid = d.objid)
                  WHEN 'pg_constraint'::regclass THEN (SELECT o.contype IN ('p', 'u', 'c', 'f', 'n') FROM pg_constraint o WHERE o.oid = d.objid)
                  WHEN 'pg_attrdef'::regclass THEN (SELECT f.adrelid = c.oid AND f.adnum = a.attnum FROM pg_attrdef f WHERE f.oid = d.objid)
                  WHEN 'pg_statistic_ext'::regclass THEN true END, false) AS is_carried
           FROM pg_depend d
          WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum) o), '[]') AS users
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
 WHERE c.oid = $1::oid`;
