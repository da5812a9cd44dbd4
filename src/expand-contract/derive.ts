import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import { schemaOf, underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { BackfillTarget } from '../backfill/definition.ts';
import type { Piece } from '../sql/alter-table.ts';
import type { EmptyColumn, ExistingSchema } from './plan.ts';

/**
 * Returns a target that fills a new column from the table that the rows refer to, by a foreign key of
 * one column, if exactly one such table has a column of that name.
 */
export async function deriveTarget(
  session: Session,
  { table, name, default: fallback }: EmptyColumn,
): Promise<BackfillTarget | undefined> {
  const own = table.schema === undefined ? table.name : quoteName(table);
  if (fallback !== undefined)
    return { table: own, set: `${word(name)} = ${fallback}`, done: `${word(name)} IS NOT NULL` };
  const schemaOfTable = table.schema ?? (await schemaOf(session, table.name));
  const rows = await session.query<Record<'source' | 'schema' | 'key' | 'reference', string>>(
    `SELECT s.relname AS source, n.nspname AS schema, k.attname AS key, r.attname AS reference
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
  const { source, schema, key, reference } = only;
  const isVisible = schema === 'public' || schema === table.schema;
  return {
    table: own,
    set: `${word(name)} = ${word(source)}.${word(name)}`,
    from: isVisible ? word(source) : quoteName({ schema, name: source }),
    on: `${word(source)}.${word(key)} = ${word(table.name)}.${word(reference)}`,
  };
}

/** Returns a name as people write it, quoted only where necessary. */
function word(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : q(name);
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
  const existing = await underUserPath<{ name: string }>(
    session,
    `SELECT name FROM pg_catalog.unnest(ARRAY[${tables.map(quoteLiteral).join(', ')}]::pg_catalog.text[]) AS t (name)
      WHERE pg_catalog.to_regclass(name) IS NOT NULL`,
  );
  const volatile = await session.query<{ name: string }>(
    `SELECT DISTINCT proname::text AS name FROM pg_proc WHERE proname = ANY($1) AND provolatile = 'v'`,
    [functions],
  );
  const names = (rows: { name: string }[]) => new Set(rows.map(({ name }) => name));
  const [existingTables, volatileFunctions] = [names(existing), names(volatile)];
  return {
    hasTable: (table) => existingTables.has(quoteName(table)),
    isVolatile: (name) => volatileFunctions.has(name),
  };
}
