import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import type { Relation, Subject } from './resolve-target.ts';

/** What the catalog says of a table that is to be filled. */
export interface TableFacts {
  oid: number;
  /** `pg_class.relkind` */
  kind: string;
  /** Quoted, with its schema. */
  table: string;
  columns: string[];
  key: Subject['key'];
  /** Of the column that is filled. */
  type: string;
  /** The same, but without a length: a cast to `varchar(3)` cuts off, an assignment refuses. */
  comparedType: string;
  /** SQL that gives a value the collation of the column; empty for a type without. */
  collate: string;
  isNotNull: boolean;
  triggers: string[];
  /** Row-level security applies to us. */
  hidesRows: boolean;
}

/** SQL of the operator with which the primary key's index compares a column; 3 is equality, 5 is >. */
function operatorOf(strategy: 3 | 5): string {
  return `(SELECT format('OPERATOR(%I.%s)', s.nspname, o.oprname)
     FROM pg_opclass f JOIN pg_amop m ON m.amopfamily = f.opcfamily AND m.amoplefttype = f.opcintype
       AND m.amoprighttype = f.opcintype AND m.amopstrategy = ${strategy} AND m.amoppurpose = 's'
     JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_namespace s ON s.oid = o.oprnamespace
    WHERE f.oid = (i.indclass::oid[])[position - 1])`;
}

/**
 * @param table quoted, with its schema
 * @throws usage error when there is no such table
 */
export async function readTableFacts(
  session: Session,
  table: string,
  column: string,
): Promise<TableFacts> {
  const [row] = await session.query<TableFacts & Record<string, unknown>>(
    `SELECT c.oid::int8::float8 AS oid, c.relkind AS kind, format('%I.%I', n.nspname, c.relname) AS "table",
            ARRAY(SELECT attname::text FROM pg_attribute
                   WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
            coalesce((SELECT jsonb_agg(jsonb_build_object('name', k.attname, 'type', format_type(k.atttypid, k.atttypmod),
                                         'equals', ${operatorOf(3)}, 'exceeds', ${operatorOf(5)}) ORDER BY position)
               FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS of (attnum, position)
               JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = of.attnum
              WHERE i.indrelid = c.oid AND i.indisprimary), '[]') AS key,
            coalesce(format_type(a.atttypid, a.atttypmod), '') AS type,
            coalesce(CASE WHEN a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype, 'bit'::regtype, 'varbit'::regtype)
                          THEN a.atttypid::regtype::text ELSE format_type(a.atttypid, a.atttypmod) END, '') AS "comparedType",
            coalesce((SELECT format(' COLLATE %I.%I', s.nspname, l.collname) FROM pg_collation l
                        JOIN pg_namespace s ON s.oid = l.collnamespace WHERE l.oid = a.attcollation), '') AS collate,
            coalesce(a.attnotnull, false) AS "isNotNull",
            ARRAY(SELECT tgname::text FROM pg_trigger
                   WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled IN ('O', 'A')
                     AND tgtype & 17 = 17 AND tgname NOT LIKE 'zz\\_dbops\\_%' ORDER BY 1) AS triggers,
            row_security_active(c.oid) AS "hidesRows"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 AND a.attnum > 0
      WHERE c.oid = to_regclass($1)`,
    [table, column],
  );
  if (row) return row;
  throw usageError(
    'BACKFILL.NO_COLUMN',
    `${table} can not be filled yet: there is no such table.`,
    'Apply the migration that makes it first: dbops migrate up --to NAME',
  );
}

/**
 * SQL: for every B-tree that is not unique its first column, where naming that in an UPDATE is
 * noticed by nobody.
 *
 * An index none of whose columns is named takes a new entry for a version of a row that it has
 * already, and at every full page looks through the table for entries that it could delete (server
 * sources, `index_unchanged_by_update`, nbtree/README "Bottom-Up deletion"). Rows come from everywhere
 * in the order of a secondary index, so that it finds few and looks again soon: a third of the
 * processor's time. Whether an update is HOT goes by the values, not by what is named.
 *
 * Left out are columns of a unique index, whose rows lie together (and which would lock out foreign
 * keys that refer to them), generated ones, those that a trigger waits for, and those that this
 * user must not update.
 */
const restating = `SELECT DISTINCT k.attname::text
     FROM pg_index i JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = i.indkey[0]
     JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam AND am.amname = 'btree'
    WHERE i.indrelid = c.oid AND NOT i.indisunique AND k.attname <> $2
      AND k.attgenerated = '' AND k.attidentity = '' AND has_column_privilege(c.oid, k.attnum, 'UPDATE')
      AND NOT EXISTS (SELECT FROM pg_index u WHERE u.indrelid = c.oid AND u.indisunique AND k.attnum = ANY(u.indkey))
      AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND k.attnum = ANY(t.tgattr)
                         AND t.tgname NOT LIKE 'zz\\_dbops\\_%')`;

/**
 * The table and its partitions, as far as they hold rows.
 *
 * @param column the one that is filled
 */
export async function readRelations(
  session: Session,
  oid: number,
  column: string,
): Promise<Relation[]> {
  const rows = await session.query<Relation & { kind: string } & Record<string, unknown>>(
    `WITH RECURSIVE tree AS (
       SELECT $1::oid AS oid UNION ALL SELECT inhrelid FROM pg_inherits JOIN tree ON tree.oid = inhparent
     )
     SELECT c.oid::int8::float8 AS oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind AS kind,
            coalesce(pg_relation_filenode(c.oid), 0)::int8::float8 AS filenode,
            CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END::float8 AS pages,
            greatest(c.reltuples, 0)::float8 AS rows, coalesce(m.amhandler::text = 'heap_tableam_handler' AND m.amname = 'heap', false) AS "isHeap",
            ARRAY(${restating}) AS restated
       FROM tree JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_am m ON m.oid = c.relam
      ORDER BY c.oid`,
    [oid, column],
  );
  const foreign = rows.find(({ kind }) => kind === 'f');
  if (foreign)
    throw usageError(
      'BACKFILL.NO_TABLE',
      `${foreign.name} is a foreign table, and a partition of the table that is to be filled.`,
      'Fill it in its own database, and the other partitions one by one.',
    );
  return rows.filter(({ kind }) => kind === 'r');
}

/** The columns of each unique index that holds for all rows. */
export async function uniqueKeysOf(session: Session, table: string): Promise<string[][]> {
  const rows = await session.query<{ columns: string[] }>(
    `SELECT ARRAY(SELECT attname::text FROM pg_attribute
                   WHERE attrelid = i.indrelid AND attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1])) AS columns
       FROM pg_index i
      WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indexprs IS NULL`,
    [table],
  );
  return rows.map(({ columns }) => columns);
}

/** Rows of a table as the server estimates them; 0 where it does not. */
export async function readEstimate(session: Session, table: string): Promise<number> {
  const [row] = await session.query<{ rows: number }>(
    'SELECT greatest(reltuples, 0)::float8 AS rows FROM pg_class WHERE oid = to_regclass($1)',
    [table],
  );
  return row?.rows ?? 0;
}
