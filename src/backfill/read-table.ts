import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import { readDefined } from './read-defined.ts';

/** A table that stores rows: an ordinary one, or a partition. */
export interface Relation {
  oid: number;
  /** Quoted, with its schema. */
  name: string;
  /** Changes when the table is rewritten. */
  filenode: number;
  pages: number;
  /** As the server estimates them. */
  rows: number;
  /** Its rows can be addressed by ctid. */
  isHeap: boolean;
  /** Columns that an update sets to themselves: see `restating`. */
  restated: string[];
  /** The filled column decides in which partition a row is stored. */
  mayMove: boolean;
}

/** A column of a primary key, with SQL of the operators of its index. */
export interface KeyColumn {
  name: string;
  type: string;
  equals: string;
  exceeds: string;
}

/** The catalog entries of a table to fill. */
export interface TableInfo {
  oid: number;
  /** `pg_class.relkind` */
  kind: string;
  /** Quoted, with its schema. */
  table: string;
  columns: string[];
  key: KeyColumn[];
  /** The type of the filled column. */
  type: string;
  /** The type without a length: a cast to `varchar(3)` truncates, an assignment fails. */
  comparedType: string;
  /** Returns SQL that sets the collation of the column; empty for a type without collation. */
  collate: string;
  isNotNull: boolean;
  triggers: string[];
}

/** Returns SQL of the operator with which the primary key's index compares a column; 3 is equality, 5 is >. */
function operatorOf(strategy: 3 | 5): string {
  return `(SELECT format('OPERATOR(%I.%s)', s.nspname, o.oprname)
     FROM pg_opclass f JOIN pg_amop m ON m.amopfamily = f.opcfamily AND m.amoplefttype = f.opcintype
       AND m.amoprighttype = f.opcintype AND m.amopstrategy = ${strategy} AND m.amoppurpose = 's'
     JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_namespace s ON s.oid = o.oprnamespace
    WHERE f.oid = (i.indclass::oid[])[position - 1])`;
}

/**
 * Reads the catalog entries of a table.
 *
 * @param table quoted, with its schema
 * @throws usage error when it does not exist
 */
export async function readTableInfo(
  session: Session,
  table: string,
  column: string,
): Promise<TableInfo> {
  const [row] = await session.query<TableInfo & Record<string, unknown>>(
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
                     AND tgtype & 17 = 17 AND tgname NOT LIKE 'zz%\\_dbops\\_%' ORDER BY 1) AS triggers
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 AND a.attnum > 0
      WHERE c.oid = to_regclass($1)`,
    [table, column],
  );
  if (row) return row;
  throw usageError(
    'BACKFILL.NO_COLUMN',
    `Table ${table} does not exist.`,
    'Apply the migration that creates it: dbops migrate up --to NAME',
  );
}

/**
 * SQL: the first column of every B-tree that is not unique. An UPDATE sets it to itself.
 *
 * When an UPDATE names no column of an index, each full index page searches the table for entries to
 * delete (server sources, `index_unchanged_by_update`, nbtree/README "Bottom-Up deletion"). In the order
 * of a secondary index it finds few, which costs a third of the CPU time. Whether an update is HOT
 * depends on the values, not on the columns that are named.
 *
 * Excluded: columns of a unique index (naming them would conflict with foreign key checks), generated
 * columns, columns of UPDATE OF triggers, and those that the role may not update.
 */
const restating = `SELECT DISTINCT k.attname::text
     FROM pg_index i JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = i.indkey[0]
     JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam AND am.amname = 'btree'
    WHERE i.indrelid = c.oid AND NOT i.indisunique AND k.attname <> $2
      AND k.attgenerated = '' AND k.attidentity = '' AND has_column_privilege(c.oid, k.attnum, 'UPDATE')
      AND NOT EXISTS (SELECT FROM pg_index u WHERE u.indrelid = c.oid AND u.indisunique AND k.attnum = ANY(u.indkey))
      AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND k.attnum = ANY(t.tgattr)
                         AND t.tgname NOT LIKE 'zz%\\_dbops\\_%')`;

/**
 * SQL of the planner's estimate for a table of its present size (server sources,
 * `table_block_relation_estimate_size`): reltuples is -1 until the first ANALYZE.
 */
const estimate = `(CASE WHEN c.relkind <> 'r' THEN 0
    WHEN c.reltuples > 0 AND c.relpages > 0 THEN c.reltuples * (pg_relation_size(c.oid) / current_setting('block_size')::int) / c.relpages
    ELSE pg_relation_size(c.oid) / (28 + (SELECT coalesce(sum(CASE WHEN y.typlen > 0 THEN y.typlen ELSE 32 END), 0)
           FROM pg_attribute k JOIN pg_type y ON y.oid = k.atttypid
          WHERE k.attrelid = c.oid AND k.attnum > 0 AND NOT k.attisdropped)) END)::float8`;

/**
 * SELECT of the entry of a column in the partition key of one of the tables: the server records that
 * the column depends on its own table (server sources, `StorePartitionKey`).
 */
const partitionKey = `SELECT FROM pg_depend d JOIN tree p ON p.oid = d.objid
      JOIN pg_attribute k ON k.attrelid = d.objid AND k.attnum = d.objsubid AND k.attname = $2
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.refobjid = d.objid AND d.refobjsubid = 0 AND d.deptype = 'i'`;

/**
 * Returns the table, or its partitions, that store rows.
 *
 * @param column the column to fill
 * @throws usage error when a partition is a foreign table; what the server reports of a partition
 *   whose own policies hide rows, which those of its parent do not decide
 */
export async function readRelations(
  session: Session,
  oid: number,
  column: string,
): Promise<Relation[]> {
  const rows = await session.query<
    Relation & { kind: string; hidesRows: boolean } & Record<string, unknown>
  >(
    `WITH RECURSIVE tree AS (
       SELECT $1::oid AS oid UNION ALL SELECT inhrelid FROM pg_inherits JOIN tree ON tree.oid = inhparent
     )
     SELECT c.oid::int8::float8 AS oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind AS kind,
            coalesce(pg_relation_filenode(c.oid), 0)::int8::float8 AS filenode,
            CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END::float8 AS pages,
            ${estimate} AS rows, coalesce(m.amhandler::text = 'heap_tableam_handler' AND m.amname = 'heap', false) AS "isHeap",
            row_security_active(c.oid) AS "hidesRows", ARRAY(${restating}) AS restated, EXISTS (${partitionKey}) AS "mayMove"
       FROM tree JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_am m ON m.oid = c.relam
      ORDER BY c.oid`,
    [oid, column],
  );
  const foreign = rows.find(({ kind }) => kind === 'f');
  if (foreign)
    throw usageError(
      'BACKFILL.NO_TABLE',
      `Partition ${foreign.name} is a foreign table and cannot be filled.`,
      'Fill it in its own database, and each of the other partitions separately.',
    );
  const tables = rows.filter(({ kind }) => kind === 'r');
  for (const { name } of tables.filter(({ hidesRows }) => hidesRows))
    await readDefined(session, `EXPLAIN SELECT FROM ONLY ${name}`);
  return tables;
}

/** Returns the columns of each unique index that covers all rows. */
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

/** Returns the server's estimate of the rows of a table; 0 where it has none. */
export async function readEstimate(session: Session, table: string): Promise<number> {
  const [row] = await session.query<{ rows: number }>(
    'SELECT greatest(reltuples, 0)::float8 AS rows FROM pg_class WHERE oid = to_regclass($1)',
    [table],
  );
  return row?.rows ?? 0;
}
