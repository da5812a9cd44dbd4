/**
 * One object of a schema with the statements that create it, or a statement about an object that
 * must run later, such as a foreign key.
 */
export interface SchemaPiece {
  /** `catalog OID.object OID`, as `idOf` writes it; of a later statement, with a prefix. */
  id: string;
  stage: Stage;
  /** The object of the snapshot that it belongs to. */
  kind: string;
  schema: string;
  /** The table, view or type of a part; otherwise empty. */
  parent: string;
  name: string;
  sql: string[];
  /** Pieces or catalog objects that must exist before, beside those of pg_depend. */
  needs: string[];
}

/** The order of pieces that do not depend on one another. */
export const stages = [
  'schema',
  'extension',
  'collation',
  'type',
  'domain',
  'text search',
  'sequence',
  'function',
  'aggregate',
  'cast',
  'table',
  'view',
  'late column rule',
  'sequence owner',
  'index',
  'inheritance',
  'late constraint',
  'foreign key',
  'index of table',
  'statistics',
  'rule',
  'trigger',
  'policy',
  'comment',
  'grant',
  'publication',
  'refresh',
  'default privileges',
  'event trigger',
] as const;
export type Stage = (typeof stages)[number];

/** Returns SQL for the id of a catalog object. */
export function idOf(catalog: string, oid: string): string {
  return `('${catalog}'::regclass::oid || '.' || ${oid})`;
}

interface Selection {
  id: string;
  stage: Stage;
  kind: string;
  schema?: string;
  parent?: string;
  name: string;
  /** An SQL array of statements. */
  sql: string;
  /** An SQL array of ids. */
  needs?: string;
  from: string;
}

/** Returns a select of pieces: `kind` and `stage` are words, everything else is SQL. */
export function selectPieces(selection: Selection): string {
  const { id, stage, kind, schema = `''`, parent = `''`, name, sql, needs, from } = selection;
  return `SELECT ${id} AS id, '${stage}' AS stage, ${kind} AS kind, ${schema}::text AS schema, ${parent}::text AS parent,
      ${name}::text AS name, to_json(${sql}) AS sql, to_json(${needs ?? `ARRAY[]::text[]`}) AS needs
    FROM ${from}`;
}

/** SQL for the storage parameters of an object, as they follow WITH or SET; NULL without any. */
export function parametersOf(options: string, prefix = ''): string {
  return `(SELECT string_agg('${prefix}' || split_part(o, '=', 1) || '='
      || CASE WHEN v ~ '^([a-z][a-z0-9_]*|[0-9]+([.][0-9]+)?)$' THEN v ELSE quote_literal(v) END, ', ' ORDER BY o COLLATE "C")
    FROM unnest(${options}) o CROSS JOIN LATERAL substr(o, strpos(o, '=') + 1) v)`;
}

/** SQL for the options of a sequence that differ from their defaults, each after a space. */
export const sequenceOptions = `concat(
    CASE WHEN s.seqincrement <> 1 THEN ' INCREMENT BY ' || s.seqincrement END,
    CASE WHEN s.seqmin <> CASE WHEN s.seqincrement > 0 THEN 1 ELSE t.least END THEN ' MINVALUE ' || s.seqmin END,
    CASE WHEN s.seqmax <> CASE WHEN s.seqincrement > 0 THEN t.greatest ELSE -1 END THEN ' MAXVALUE ' || s.seqmax END,
    CASE WHEN s.seqstart <> CASE WHEN s.seqincrement > 0 THEN s.seqmin ELSE s.seqmax END THEN ' START WITH ' || s.seqstart END,
    CASE WHEN s.seqcache <> 1 THEN ' CACHE ' || s.seqcache END,
    CASE WHEN s.seqcycle THEN ' CYCLE' END)`;

/** The limits of the type of a sequence `s`, as `t.least` and `t.greatest`. */
export const sequenceLimits = `CROSS JOIN LATERAL (SELECT
    CASE s.seqtypid WHEN 'int2'::regtype THEN -32768 WHEN 'int4'::regtype THEN -2147483648 ELSE -9223372036854775808 END AS least,
    CASE s.seqtypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE 9223372036854775807 END AS greatest) t`;
