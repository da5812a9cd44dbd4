import type { Session } from '../db/session.ts';
import type { Fact } from './fact.ts';

/**
 * Settings that leak into deparsed text (server manual, "System Catalog Information Functions"):
 * both sides of a comparison are read under the same ones. An empty search_path qualifies names.
 */
export const pinned = `SET LOCAL search_path = ''; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres';
  SET LOCAL TimeZone = 'UTC'; SET LOCAL quote_all_identifiers = off; SET LOCAL extra_float_digits = 1;
  SET LOCAL bytea_output = 'hex'; SET LOCAL standard_conforming_strings = on`;

/** Ours and the server's. No backslash: its meaning depends on standard_conforming_strings. */
const systemSchemas = `'^(pg_|dbops$|dbops_|information_schema$)'`;

/** What the migrations could have made; foreign tables are another server's. */
const ofUser = `c.relkind IN ('r', 'p', 'm') AND n.nspname !~ ${systemSchemas}
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

// ALTER TABLE writes the row in pg_class again, but not the one of the table's type.
const tables = `SELECT 'table' AS kind, n.nspname AS schema, c.relname AS "table", c.relname AS name,
    'TABLE ' || c.oid::regclass::text AS definition, t.xmin::text::bigint AS xid
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = c.reltype
  WHERE c.relkind <> 'm' AND ${ofUser}`;

// PostgreSQL 18 lists every NOT NULL here (contype n), older ones none: they are column attributes.
// What a partition or a child has from its parent follows from the parent's.
const constraints = `SELECT 'constraint' AS kind, n.nspname AS schema, c.relname AS "table", o.conname AS name,
    pg_get_constraintdef(o.oid) AS definition, o.xmin::text::bigint AS xid
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE o.contype IN ('c', 'f', 'p', 'u', 'x') AND o.conislocal AND o.conparentid = 0 AND ${ofUser}`;

// An index that a constraint owns is compared as the constraint.
const indexes = `SELECT 'index' AS kind, n.nspname AS schema, c.relname AS "table", i.relname AS name,
    pg_get_indexdef(i.oid) AS definition, x.xmin::text::bigint AS xid
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT i.relispartition AND ${ofUser}
    AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.oid AND o.contype IN ('p', 'u', 'x'))`;

export interface CatalogRow extends Fact {
  /** The transaction that wrote the catalog row last. */
  xid: bigint;
}

/**
 * Reads the catalog in the caller's transaction, which is `pinned`.
 *
 * @returns rows ordered by name text: an order by OID would differ between databases
 */
export async function readCatalog(session: Session): Promise<CatalogRow[]> {
  const rows = await session.query<CatalogRow & Record<string, unknown>>(
    `SELECT * FROM (${tables} UNION ALL ${constraints} UNION ALL ${indexes}) facts
      ORDER BY kind COLLATE "C", schema COLLATE "C", "table" COLLATE "C", name COLLATE "C"`,
  );
  // A constraint that is NOT VALID is the same constraint; that it is not is a finding of its own.
  return rows.map((row) => ({ ...row, definition: row.definition.replace(/ NOT VALID$/, '') }));
}

/** A row without what is only true of its own database. */
export function toFact({ kind, schema, table, name, definition }: CatalogRow): Fact {
  return { kind, schema, table, name, definition };
}

/** The facts of a database, read as `readCatalog` does. */
export async function snapshot(session: Session): Promise<Fact[]> {
  return (await readCatalog(session)).map(toFact);
}
