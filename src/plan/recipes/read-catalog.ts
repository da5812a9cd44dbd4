import { quoteLiteral, quoteName } from '../../db/quote.ts';
import { underUserPath } from '../../db/search-path.ts';
import type { Session } from '../../db/session.ts';
import type { KnownIndex, KnownPartition, KnownTable, RecipeCatalog } from './recipe.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';

/**
 * Returns the catalog of a shadow as it is at each call, for recipes.
 *
 * @param toPath SQL that sets the search path of the migration: `SET LOCAL search_path TO …`
 */
export function readRecipeCatalog(session: Session, toPath?: string): RecipeCatalog {
  const path = toPath === undefined ? [] : ([toPath] as const);
  const oidOf = async (name: ObjectName) => {
    const [row] = await underUserPath<{ oid: string | null }>(
      session,
      `SELECT pg_catalog.to_regclass(${quoteLiteral(quoteName(name))})::pg_catalog.oid::pg_catalog.text AS oid`,
      ...path,
    );
    return row?.oid ?? undefined;
  };
  return {
    async table(name) {
      const oid = await oidOf(name);
      return oid === undefined ? undefined : readTable(session, oid);
    },
    async index(name) {
      const oid = await oidOf(name);
      return oid === undefined ? undefined : readIndex(session, oid);
    },
    async creationSchema() {
      const [row] = await underUserPath<{ schema: string | null }>(
        session,
        'SELECT pg_catalog.current_schema() AS schema',
        ...path,
      );
      return row?.schema ?? 'public';
    },
    async takenNames(schema, names, { relations, constraints }) {
      const rows = await session.query<{ name: string }>(takenSql, [
        schema,
        names,
        relations,
        constraints,
      ]);
      return new Set(rows.map(({ name }) => name));
    },
    async hasVolatile(functions) {
      const rows = await session.query(
        `SELECT FROM pg_catalog.pg_proc WHERE proname = ANY($1) AND provolatile = 'v'`,
        [functions],
      );
      return rows.length > 0;
    },
  };
}

const takenSql = `SELECT c.relname::pg_catalog.text AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE $3 AND n.nspname = $1 AND c.relname = ANY($2)
  UNION SELECT c.conname::pg_catalog.text
    FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
   WHERE $4 AND n.nspname = $1 AND c.conname = ANY($2)`;

interface TableRow {
  schema: string;
  name: string;
  kind: string;
  hasHeirs: boolean;
  columns: string[];
  required: string[];
  indexes: string[][];
  key: string[] | null;
  strategy: string | null;
  primaryKey: string | null;
  tree: (KnownPartition & { isDefault: boolean })[] | null;
}

async function readTable(session: Session, oid: string): Promise<KnownTable | undefined> {
  const [row] = await session.query<TableRow>(tableSql, [oid]);
  if (!row || !['r', 'p'].includes(row.kind)) return undefined;
  const { schema, name, tree, key, strategy, primaryKey } = row;
  const partitions = tree ?? [];
  const byDefault = partitions.find(({ isDefault }) => isDefault);
  const strategies = { r: 'range', l: 'list', h: 'hash' } as const;
  return {
    schema,
    name,
    isPartitioned: row.kind === 'p',
    partitions: partitions.map(({ schema: of, name: each, isLeaf, parent: above }) => ({
      schema: of,
      name: each,
      isLeaf,
      parent: above,
    })),
    hasHeirs: row.hasHeirs,
    columns: new Set(row.columns),
    notNull: new Set(row.required),
    indexes: row.indexes,
    partitionKey: key ?? [],
    ...(strategy !== null && { partitionStrategy: strategies[strategy as 'r'] }),
    ...(byDefault && { defaultPartition: { schema: byDefault.schema, name: byDefault.name } }),
    ...(primaryKey !== null && { primaryKey }),
  };
}

/** A column with an expression in the partition key has the number 0. */
const tableSql = `SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind,
       c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = c.oid) AS "hasHeirs",
       ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
              WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS columns,
       ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
              WHERE attrelid = c.oid AND attnum > 0 AND attnotnull) AS required,
       (SELECT coalesce(pg_catalog.jsonb_agg(ARRAY(
                 SELECT coalesce(a.attname::text, '') FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place)
                   LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                  WHERE place <= i.indnkeyatts ORDER BY place)), '[]')
          FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL) AS indexes,
       CASE WHEN 0 <> ALL (p.partattrs::int2[]) THEN ARRAY(
         SELECT a.attname::text FROM pg_catalog.unnest(p.partattrs::int2[]) WITH ORDINALITY k (attnum, place)
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum ORDER BY place) END AS key,
       p.partstrat AS strategy,
       (SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = c.oid AND contype = 'p') AS "primaryKey",
       CASE WHEN c.relkind = 'p' THEN (
         SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('schema', tn.nspname, 'name', t.relname,
                  'isLeaf', tree.isleaf, 'isDefault', t.oid = p.partdefid,
                  'parent', pg_catalog.jsonb_build_object('schema', un.nspname, 'name', u.relname)) ORDER BY tree.level, t.relname)
           FROM pg_catalog.pg_partition_tree(c.oid) tree JOIN pg_catalog.pg_class t ON t.oid = tree.relid
           JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
           JOIN pg_catalog.pg_class u ON u.oid = tree.parentrelid
           JOIN pg_catalog.pg_namespace un ON un.oid = u.relnamespace
          WHERE t.oid <> c.oid) END AS tree
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid
 WHERE c.oid = $1::pg_catalog.oid`;

async function readIndex(session: Session, oid: string): Promise<KnownIndex | undefined> {
  const [row] = await session.query<KnownIndex>(
    `SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'I' AS "isPartitioned",
            EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = c.oid) OR c.relispartition AS "isOwned"
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = $1::pg_catalog.oid AND c.relkind IN ('i', 'I')`,
    [oid],
  );
  return row;
}
