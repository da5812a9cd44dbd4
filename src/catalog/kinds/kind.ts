import * as z from 'zod';
import { quoteLiteral, quoteName } from '../../db/quote.ts';

/** An object of a schema with all its properties. */
export interface SchemaObject {
  /** The kind in messages, such as `column`. */
  kind: string;
  /** Empty for an object outside schemas. */
  schema: string;
  /** The table, view or type of a part, in the same schema; otherwise empty. */
  parent: string;
  /** Unique with `kind`, `schema` and `parent`. */
  name: string;
  /** Values by their names in messages, equal in every database with the same object. */
  properties: Readonly<Record<string, unknown>>;
  /** Texts that the server deparses; the same expression may be deparsed differently. */
  expressions: Readonly<Record<string, string>>;
}

/** The schema of a `SchemaObject` read from disk. */
export const objectShape: z.ZodType<SchemaObject> = z.object({
  kind: z.string(),
  schema: z.string(),
  parent: z.string(),
  name: z.string(),
  properties: z.record(z.string(), z.unknown()),
  expressions: z.record(z.string(), z.string()),
});

/** An expression of an object, with its name. */
export interface ObjectExpression {
  word: string;
  text: string;
}

/** SQL that creates a temporary object from an expression, and a scalar that reads the expression back. */
export interface Scratch {
  make: string;
  read: string;
}

/**
 * A kind of object: how it is read, and how its expressions are deparsed again. A new one is a file
 * here and a line in `index.ts`.
 */
export interface Kind {
  name: string;
  /**
   * Selects the columns of a `SchemaObject` (`properties` and `expressions` as json, in which a
   * NULL is omitted). Reads `relations` and `brought_along` of `common` instead of the catalogs, and
   * nothing specific to one database, such as OIDs, sizes and attnums.
   */
  select: string;
  /**
   * @param name of the scratch object
   * @returns by default a temporary view that selects the expression from the object's table
   */
  respell?(object: SchemaObject, expression: ObjectExpression, name: string): Scratch;
  /** Returns an SQL scalar: the DDL of the object as the server writes it, NULL when it does not exist. */
  definition?(object: SchemaObject): string;
}

/** Schemas of dbops and the server. No backslash: its meaning depends on standard_conforming_strings. */
const systemSchemas = `'^(pg_|dbops$|dbops_|information_schema$)'`;

/** The first OID of a user object (FirstNormalObjectId in the server's sources). */
export const firstOfUser = 16_384;

/** Common table expressions of the selects of all kinds. */
export const common = `
  schemas AS MATERIALIZED (
    SELECT oid, nspname AS name FROM pg_namespace WHERE nspname !~ ${systemSchemas}),
  brought_along AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
       OR deptype = 'i' AND classid IN ('pg_proc'::regclass, 'pg_cast'::regclass)),
  comments AS MATERIALIZED (
    SELECT classoid, objoid, objsubid, description FROM pg_description WHERE objoid >= ${firstOfUser}),
  relations AS MATERIALIZED (
    SELECT c.*, n.name AS schema FROM pg_class c JOIN schemas n ON n.oid = c.relnamespace
     WHERE ${standsAlone('pg_class', 'c.oid')} AND ${standsAlone('pg_type', 'c.reltype')})`;

/** A join with the comment of an object: `m.description`. One query per object costs ten times as much. */
export function commentOf(catalog: string, oid: string, part = '0'): string {
  return `LEFT JOIN comments m
    ON m.classoid = '${catalog}'::regclass AND m.objoid = ${oid} AND m.objsubid = ${part}`;
}

/** SQL that is true of what neither an extension nor a type (constructors of a range) brought along. */
export function standsAlone(catalog: string, oid: string): string {
  return `NOT EXISTS (SELECT FROM brought_along e
    WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid})`;
}

/** The elements of an array in the order of their text. */
export function sorted(array: string): string {
  return `CASE WHEN ${array} IS NOT NULL
    THEN (SELECT array_agg(each::text ORDER BY each::text COLLATE "C") FROM unnest(${array}) each) END`;
}

/** The name of an object that is reached by its OID, with its schema where it needs one. */
export function nameFrom(catalog: string, prefix: string, oid: string): string {
  return `(SELECT CASE WHEN m.nspname = 'pg_catalog' THEN '' ELSE m.nspname || '.' END || o.${prefix}name
    FROM ${catalog} o JOIN pg_namespace m ON m.oid = o.${prefix}namespace WHERE o.oid = ${oid})`;
}

/** Returns SQL for the OID of a relation; NULL when it does not exist. */
export function relationId(schema: string, name: string): string {
  return `to_regclass(${quoteLiteral(quoteName({ schema, name }))})`;
}

/** Returns the table, view or domain of a part, in SQL. */
export function parentOf({ schema, parent }: SchemaObject): string {
  return quoteName({ schema, name: parent });
}

/** Deparses an expression as the only column of a view. */
export function inView(expression: string, from: string, name: string): Scratch {
  return asView(`SELECT (${expression}) AS spelled${from && ` FROM ${from}`}`, name);
}

/** Deparses a query as a view. */
export function asView(query: string, name: string): Scratch {
  return {
    make: `CREATE TEMP VIEW ${name} AS ${query.replace(/;$/, '')}`,
    read: `pg_get_viewdef('pg_temp.${name}'::regclass)`,
  };
}
