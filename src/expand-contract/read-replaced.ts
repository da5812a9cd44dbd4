import { quoteIdentifier as q } from '../db/quote.ts';
import type { Session } from '../db/session.ts';

/** A column after the migration, as it is to be built beside the old one. */
export interface FutureColumn {
  number: number;
  default: string | null;
  isNotNull: boolean;
  /** The name of its NOT NULL constraint, which PostgreSQL has since 18. */
  notNullName: string | null;
  comment: string | null;
  /** Commands of ALTER COLUMN for storage, compression, statistics and options. */
  properties: string[];
  /** `GRANT` statements up to the name of the column, and from there on. */
  grants: { privilege: string; grantee: string; isGrantable: boolean }[];
  identity: IdentitySequence | null;
  /** The sequence of a serial column, quoted with its schema. */
  ownedSequence: string | null;
}

/** The sequence of an identity column. */
export interface IdentitySequence {
  /** Quoted, with its schema. */
  name: string;
  isAlways: boolean;
  options: string;
  grants: FutureColumn['grants'];
}

/** An index, a constraint or extended statistics that a column has. */
export interface CarriedObject {
  /** OID as text. */
  id: string;
  kind: 'index' | 'unique' | 'primary' | 'check' | 'foreign-key' | 'incoming' | 'statistics';
  name: string;
  /** Of an index: from USING on, of statistics: from its kinds on; otherwise the constraint. */
  definition: string;
  isUnique: boolean;
  isValidated: boolean;
  /** `DEFERRABLE INITIALLY DEFERRED` or less. */
  attributes: string;
  comment: string | null;
  /** Of the index of a constraint. */
  indexComment: string | null;
  isReplicaIdentity: boolean;
  isClustered: boolean;
  /** Commands of ALTER INDEX for the statistics of its expressions. */
  properties: string[];
  /** The table of an incoming foreign key, quoted with its schema. */
  from: string | null;
}

/** The columns of a table after the migration, and what they have. */
export interface ReplacedTable {
  columns: FutureColumn[];
  carried: CarriedObject[];
  /** Names that relations of the schema and constraints of these tables have. */
  taken: string[];
}

/** A column under the name that it has between expand and swap. */
export interface RenamedColumn {
  number: number;
  /** The name after the migration. */
  name: string;
  to: string;
}

/** A table with columns to read. */
export interface RenamedTable {
  /** OID as text. */
  oid: string;
  columns: readonly RenamedColumn[];
}

/**
 * Reads columns after the migration, in the caller's scratch transaction: all columns are renamed there first, so
 * that every definition has the names between expand and swap.
 *
 * @returns what the columns of each table have, in the order of the tables
 */
export async function readReplaced(
  shadow: Session,
  tables: readonly RenamedTable[],
): Promise<ReplacedTable[]> {
  for (const { oid, columns } of tables) {
    const [table] = await shadow.query<{ name: string }>(
      `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid`,
      [oid],
    );
    for (const { name, to } of columns)
      if (name !== to)
        await shadow.script(`ALTER TABLE ${table?.name} RENAME COLUMN ${q(name)} TO ${q(to)}`);
  }
  const found: ReplacedTable[] = [];
  for (const table of tables) found.push(await readTable(shadow, table));
  const incoming = new Set(
    found.flatMap(({ carried }) =>
      carried.flatMap(({ kind, id }) => (kind === 'incoming' ? id : [])),
    ),
  );
  // A foreign key between two of the tables is built once its referenced columns have an index.
  return found.map((table) => ({
    ...table,
    carried: table.carried.filter(({ kind, id }) => kind !== 'foreign-key' || !incoming.has(id)),
  }));
}

async function readTable(
  shadow: Session,
  { oid, columns: renamed }: RenamedTable,
): Promise<ReplacedTable> {
  const values = [oid, renamed.map(({ number }) => number)];
  const columns = await shadow.query<FutureColumn & Record<string, unknown>>(columnsSql, values);
  const carried = await shadow.query<CarriedObject & Record<string, unknown>>(carriedSql, values);
  const [names] = await shadow.query<{ taken: string[] }>(takenSql, [oid]);
  return { columns, carried, taken: names?.taken ?? [] };
}

const grantsOf = (acl: string, owner: string) => `coalesce((
    SELECT jsonb_agg(jsonb_build_object('privilege', g.privilege_type,
             'grantee', CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
             'isGrantable', g.is_grantable) ORDER BY g.grantee, g.privilege_type)
      FROM aclexplode(${acl}) g WHERE g.grantee <> ${owner}), '[]')`;

/** PostgreSQL 15 and 16 have -1 for the default statistics target, later ones NULL. */
const columnsSql = `SELECT a.attnum::int AS number, pg_get_expr(d.adbin, d.adrelid) AS default, a.attnotnull AS "isNotNull",
       (SELECT o.conname FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = 'n' AND o.conkey = ARRAY[a.attnum]) AS "notNullName",
       col_description(c.oid, a.attnum) AS comment,
       array_remove(ARRAY[
         CASE WHEN a.attstorage <> t.typstorage THEN 'SET STORAGE ' ||
           CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
         CASE a.attcompression WHEN 'p' THEN 'SET COMPRESSION pglz' WHEN 'l' THEN 'SET COMPRESSION lz4' END,
         CASE WHEN a.attstattarget >= 0 THEN 'SET STATISTICS ' || a.attstattarget END,
         'SET (' || array_to_string(a.attoptions, ', ') || ')'], NULL) AS properties,
       ${grantsOf('a.attacl', 'c.relowner')} AS grants,
       CASE WHEN a.attidentity <> '' THEN (
         SELECT jsonb_build_object('name', format('%I.%I', n.nspname, s.relname), 'isAlways', a.attidentity = 'a',
                  'options', format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s', p.seqstart,
                    p.seqincrement, p.seqmin, p.seqmax, p.seqcache, CASE WHEN p.seqcycle THEN ' CYCLE' ELSE '' END),
                  'grants', ${grantsOf('s.relacl', 's.relowner')})
           FROM pg_depend e JOIN pg_class s ON s.oid = e.objid AND s.relkind = 'S' JOIN pg_sequence p ON p.seqrelid = s.oid
           JOIN pg_namespace n ON n.oid = s.relnamespace
          WHERE e.refobjid = c.oid AND e.refobjsubid = a.attnum AND e.deptype = 'i'
            AND e.classid = 'pg_class'::regclass AND e.refclassid = 'pg_class'::regclass) END AS identity,
       (SELECT format('%I.%I', n.nspname, s.relname)
          FROM pg_depend e JOIN pg_class s ON s.oid = e.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
         WHERE e.refobjid = c.oid AND e.refobjsubid = a.attnum AND e.deptype = 'a'
           AND e.classid = 'pg_class'::regclass AND e.refclassid = 'pg_class'::regclass) AS "ownedSequence"
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.oid = $1::oid AND a.attnum = ANY($2::int2[]) ORDER BY a.attnum`;

const tailOf = (index: string) => `(SELECT substr(pg_get_indexdef(x.oid), length(
    format('CREATE %sINDEX %I ON %I.%I ', CASE WHEN u.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname, n.nspname, r.relname)) + 1)
    FROM pg_class x JOIN pg_index u ON u.indexrelid = x.oid JOIN pg_class r ON r.oid = u.indrelid
    JOIN pg_namespace n ON n.oid = r.relnamespace WHERE x.oid = ${index})`;

const used = (classOf: string) => `SELECT DISTINCT d.objid FROM pg_depend d
    WHERE d.classid = '${classOf}'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
      AND d.refobjsubid = ANY($2::int2[])`;

/** In an order in which each can be built: a foreign key needs the unique index of its columns. */
const carriedSql = `SELECT * FROM (
  SELECT c.oid::text AS id, 'index' AS kind, c.relname AS name, ${tailOf('c.oid')} AS definition, i.indisunique AS "isUnique", true AS "isValidated",
         '' AS attributes, obj_description(c.oid, 'pg_class') AS comment, NULL AS "indexComment",
         i.indisreplident AS "isReplicaIdentity", i.indisclustered AS "isClustered",
         ARRAY(SELECT format('ALTER COLUMN %s SET STATISTICS %s', v.attnum, v.attstattarget) FROM pg_attribute v
                WHERE v.attrelid = c.oid AND v.attstattarget >= 0 ORDER BY v.attnum) AS properties, NULL AS "from"
    FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE c.oid IN (${used('pg_class')}) AND i.indisvalid
  UNION ALL
  SELECT o.oid::text, CASE o.contype WHEN 'u' THEN 'unique' WHEN 'p' THEN 'primary' WHEN 'c' THEN 'check' ELSE
           CASE WHEN o.conrelid = $1::oid THEN 'foreign-key' ELSE 'incoming' END END,
         o.conname, CASE WHEN o.contype IN ('u', 'p') THEN ${tailOf('o.conindid')} ELSE pg_get_constraintdef(o.oid) END,
         o.contype IN ('u', 'p'), o.convalidated,
         CASE WHEN o.condeferrable THEN ' DEFERRABLE' ELSE '' END || CASE WHEN o.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END,
         obj_description(o.oid, 'pg_constraint'), CASE WHEN o.contype IN ('u', 'p') THEN obj_description(o.conindid, 'pg_class') END,
         coalesce(i.indisreplident, false), coalesce(i.indisclustered, false), '{}',
         CASE WHEN o.conrelid <> $1::oid THEN (SELECT format('%I.%I', n.nspname, r.relname) FROM pg_class r
            JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = o.conrelid) END
    FROM pg_constraint o LEFT JOIN pg_index i ON i.indexrelid = o.conindid AND o.contype IN ('u', 'p')
   WHERE o.oid IN (${used('pg_constraint')}) AND o.contype IN ('p', 'u', 'c', 'f') AND o.conparentid = 0
  UNION ALL
  SELECT s.oid::text, 'statistics', s.stxname, substr(pg_get_statisticsobjdef(s.oid), length(format('CREATE STATISTICS %I.%I', n.nspname, s.stxname)) + 1),
         false, true, '', obj_description(s.oid, 'pg_statistic_ext'), NULL, false, false,
         CASE WHEN s.stxstattarget >= 0 THEN ARRAY['SET STATISTICS ' || s.stxstattarget] ELSE '{}' END, NULL
    FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE s.oid IN (${used('pg_statistic_ext')})
) o ORDER BY array_position('{index,unique,primary,check,foreign-key,incoming,statistics}', kind), name`;

const takenSql = `SELECT array_agg(name::text) AS taken FROM (
    SELECT r.relname FROM pg_class c JOIN pg_class r ON r.relnamespace = c.relnamespace WHERE c.oid = $1::oid
    UNION SELECT s.stxname FROM pg_class c JOIN pg_statistic_ext s ON s.stxnamespace = c.relnamespace WHERE c.oid = $1::oid
    UNION SELECT conname FROM pg_constraint WHERE $1::oid IN (conrelid, confrelid)
    UNION SELECT attname FROM pg_attribute WHERE attrelid = $1::oid) t (name)`;
