import type { Session } from '../db/session.ts';
import type { Fact } from './fact.ts';

/**
 * Settings that leak into deparsed text (server manual, "System Catalog Information Functions"):
 * both sides of a comparison are read under the same ones. An empty search_path qualifies names.
 */
const pinned = `SET LOCAL search_path = ''; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres';
  SET LOCAL TimeZone = 'UTC'; SET LOCAL quote_all_identifiers = off; SET LOCAL extra_float_digits = 1;
  SET LOCAL bytea_output = 'hex'`;

/** Ours, the server's, and other tools' bookkeeping. */
const userSchemas = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'dbops%'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

const tables = `SELECT 'table' AS kind, n.nspname AS schema, c.relname AS "table", c.relname AS name,
    'TABLE ' || c.oid::regclass::text AS definition, true AS "isValid", c.oid::bigint AS oid, NULL::bigint AS xid
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND ${userSchemas}`;

// PostgreSQL 18 lists every NOT NULL here (contype n), older ones none: they are column attributes.
const constraints = `SELECT 'constraint' AS kind, n.nspname AS schema, c.relname AS "table", o.conname AS name,
    pg_get_constraintdef(o.oid) AS definition, o.convalidated AS "isValid", o.oid::bigint AS oid, o.xmin::text::bigint AS xid
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE o.contype IN ('c', 'f', 'p', 'u', 'x') AND o.conparentid = 0 AND ${userSchemas}`;

// An index that a constraint owns is compared as the constraint; here only its validity counts.
const indexes = `SELECT 'index' AS kind, n.nspname AS schema, c.relname AS "table", i.relname AS name,
    pg_get_indexdef(i.oid) AS definition, x.indisvalid AND x.indisready AND x.indislive AS "isValid",
    i.oid::bigint AS oid, x.xmin::text::bigint AS xid
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm') AND ${userSchemas}
    AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.oid AND o.contype IN ('p', 'u', 'x'))`;

export interface CatalogRow extends Fact {
  oid: bigint;
  /** The transaction that wrote the catalog row last. */
  xid: bigint | null;
}

/**
 * Reads the catalog inside the caller's transaction; its settings are as before afterwards
 * (rolling back to a savepoint undoes SET LOCAL too).
 *
 * @returns rows ordered by name text: an order by OID would differ between databases
 */
export async function readCatalog(session: Session): Promise<CatalogRow[]> {
  await session.script(`SAVEPOINT catalog; ${pinned}`);
  const rows = await session.query<CatalogRow & Record<string, unknown>>(
    `SELECT * FROM (${tables} UNION ALL ${constraints} UNION ALL ${indexes}) facts
      ORDER BY kind COLLATE "C", schema COLLATE "C", "table" COLLATE "C", name COLLATE "C"`,
  );
  await session.script('ROLLBACK TO catalog; RELEASE catalog');
  // convalidated stands in the definition as NOT VALID; validity is a finding of its own.
  return rows.map((row) => ({ ...row, definition: row.definition.replace(/ NOT VALID$/, '') }));
}

/** The facts of a database. */
export async function snapshot(session: Session): Promise<Fact[]> {
  return (await readCatalog(session)).map(({ oid: _oid, xid: _xid, ...fact }) => fact);
}
