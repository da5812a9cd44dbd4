import { quoteLiteral, quoteName } from '../db/quote.ts';
import { schemaOf, underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { BackfillTarget } from '../backfill/definition.ts';
import type { Piece } from '../sql/alter-table.ts';
import { plainName } from '../sql/expression.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import type { EmptyColumn, ExistingSchema } from './plan.ts';

/** A target with the reason for its expression. */
export interface DerivedTarget {
  target: BackfillTarget;
  /** For example `foreign key a_b_id_fkey: b_id references b (id)`. */
  origin: string;
}

/**
 * Returns a target that fills a column from the table that the rows refer to, by a foreign key of one
 * column, if exactly one such table has a column of that name.
 */
export async function deriveTarget(
  session: Session,
  { table, name, default: fallback }: EmptyColumn,
): Promise<DerivedTarget | undefined> {
  if (fallback !== undefined)
    return { target: await targetOfValue(table, name, fallback), origin: 'its default' };
  const own = await plainTable(table);
  const column = await plainName(name);
  const schemaOfTable = table.schema ?? (await schemaOf(session, table.name));
  type Row = Record<'constraint' | 'source' | 'schema' | 'key' | 'reference', string>;
  const rows = await session.query<Row>(
    `SELECT c.conname AS constraint, s.relname AS source, n.nspname AS schema, k.attname AS key, r.attname AS reference
       FROM pg_constraint c
       JOIN pg_class s ON s.oid = c.confrelid JOIN pg_namespace n ON n.oid = s.relnamespace
       JOIN pg_attribute k ON k.attrelid = c.confrelid AND k.attnum = c.confkey[1]
       JOIN pg_attribute r ON r.attrelid = c.conrelid AND r.attnum = c.conkey[1]
       JOIN pg_attribute v ON v.attrelid = c.confrelid AND v.attname = $2 AND NOT v.attisdropped
      WHERE c.contype = 'f' AND c.conparentid = 0 AND cardinality(c.conkey) = 1
        AND c.confrelid <> c.conrelid AND c.conrelid = to_regclass($1)`,
    [quoteName({ ...table, ...(schemaOfTable && { schema: schemaOfTable }) }), name],
  );
  const [only, another] = rows;
  if (!only || another) return undefined;
  const { constraint, source, schema, key, reference } = only;
  const isVisible = (await schemaOf(session, source)) === schema;
  const from = await plainTable({ ...(!isVisible && { schema }), name: source });
  // Two tables of one name need another name in expressions.
  const isNameTaken = source === table.name;
  const alias = isNameTaken ? 'source' : await plainName(source);
  return {
    target: {
      table: own,
      set: `${column} = ${alias}.${column}`,
      from: isNameTaken ? `${from} AS ${alias}` : from,
      on: `${alias}.${await plainName(key)} = ${await plainName(table.name)}.${await plainName(reference)}`,
    },
    origin: `foreign key ${constraint}: ${reference} references ${source} (${key})`,
  };
}

/** Returns a target that gives every row without a value the value of an expression. */
export async function targetOfValue(
  table: ObjectName,
  name: string,
  expression: string,
): Promise<BackfillTarget & { done: string }> {
  const column = await plainName(name);
  const set = `${column} = ${expression}`;
  return { table: await plainTable(table), set, done: `${column} IS NOT NULL` };
}

/** Returns the name of the backfill of a column. */
export function backfillNameOf(column: string): string {
  return column.replaceAll(/[^\p{L}\p{N}]+/gu, '-');
}

/** Returns a table as people write it, with its schema where it has one. */
export async function plainTable({ schema, name }: ObjectName): Promise<string> {
  const plain = await plainName(name);
  return schema === undefined ? plain : `${await plainName(schema)}.${plain}`;
}

/** Reads which tables of a migration exist and which of its functions are volatile. */
export async function readKnown(
  session: Session,
  pieces: readonly Piece[],
): Promise<ExistingSchema> {
  const tables = pieces.flatMap((piece) => ('table' in piece ? [quoteName(piece.table)] : []));
  const functions = pieces.flatMap((piece) =>
    piece.kind === 'add-column' ? (piece.column.default?.functions ?? []) : [],
  );
  const existing = await underUserPath<ExistingTable>(
    session,
    `SELECT name, (SELECT relkind OPERATOR(pg_catalog.=) 'p' FROM pg_catalog.pg_class
              WHERE oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(name)) AS "isPartitioned",
            (SELECT conname FROM pg_catalog.pg_constraint WHERE contype OPERATOR(pg_catalog.=) 'p'
                AND conrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(name)) AS "primaryKey" FROM pg_catalog.unnest(ARRAY[${tables.map(quoteLiteral).join(', ')}]::pg_catalog.text[]) AS t (name)
      WHERE pg_catalog.to_regclass(name) IS NOT NULL`,
  );
  const volatile = await session.query<{ name: string }>(
    `SELECT DISTINCT proname::text AS name FROM pg_proc WHERE proname = ANY($1) AND provolatile = 'v'`,
    [functions],
  );
  const names = (rows: { name: string }[]) => new Set(rows.map(({ name }) => name));
  const [existingTables, volatileFunctions] = [names(existing), names(volatile)];
  const partitioned = names(existing.filter(({ isPartitioned }) => isPartitioned));
  return {
    hasTable: (table) => existingTables.has(quoteName(table)),
    isVolatile: (name) => volatileFunctions.has(name),
    isPartitioned: (table) => partitioned.has(quoteName(table)),
    primaryKeyOf: (table) =>
      existing.find(({ name }) => name === quoteName(table))?.primaryKey ?? undefined,
  };
}

interface ExistingTable {
  /** Quoted, as the migration has it. */
  name: string;
  isPartitioned: boolean;
  primaryKey: string | null;
}
