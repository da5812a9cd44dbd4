import * as z from 'zod';
import { quoteLiteral, quoteName } from '../../db/quote.ts';

/** One object of a schema, complete: two that are alike can't be told apart by the application. */
export interface SchemaObject {
  /** The word for people, such as `column`. */
  kind: string;
  /** Empty for what is in no schema. */
  schema: string;
  /** The table, view or type of the same schema that it is a part of; empty for what stands alone. */
  parent: string;
  /** Unique with `kind`, `schema` and `parent`. */
  name: string;
  /** By a word for people. Alike in every database that has the same object. */
  properties: Readonly<Record<string, unknown>>;
  /** Text that the server writes from a parsed tree; the same tree has several spellings. */
  expressions: Readonly<Record<string, string>>;
}

/** A `SchemaObject` that was kept on disk. */
export const objectShape: z.ZodType<SchemaObject> = z.object({
  kind: z.string(),
  schema: z.string(),
  parent: z.string(),
  name: z.string(),
  properties: z.record(z.string(), z.unknown()),
  expressions: z.record(z.string(), z.string()),
});

/** An expression of an object, under its word. */
export interface ObjectExpression {
  word: string;
  text: string;
}

/** A throw-away object made of an expression, and the SQL scalar that reads the expression back. */
export interface Scratch {
  make: string;
  read: string;
}

/**
 * A kind of object: how it is read, and how one engine spells an expression of it again. To add
 * one: a file here, and a line in `index.ts`.
 */
export interface Kind {
  name: string;
  /**
   * Selects the columns of a `SchemaObject` (`properties` and `expressions` as json, in which a
   * NULL is nothing). Reads the `relations` and `brought_along` of `common` instead of the
   * catalogs, and nothing that is true of one database only: no OID, no size, no attnum.
   */
  select: string;
  /**
   * @param name of the scratch object
   * @returns by default a temporary view that selects the expression from the object's table
   */
  respell?(object: SchemaObject, expression: ObjectExpression, name: string): Scratch;
  /** A SQL scalar: the DDL of the object as the server writes it, NULL when it is not there. */
  definition?(object: SchemaObject): string;
}

/** Ours and the server's. No backslash: its meaning depends on standard_conforming_strings. */
const systemSchemas = `'^(pg_|dbops$|dbops_|information_schema$)'`;

/** The first OID that is not the server's own (FirstNormalObjectId in its sources). */
export const firstOfUser = 16_384;

/** What the selects of all kinds share. */
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

/** SQL for the OID of the relation of this name; NULL when there is none. */
export function relationId(schema: string, name: string): string {
  return `to_regclass(${quoteLiteral(quoteName({ schema, name }))})`;
}

/** The table, view or domain that an object is a part of, as SQL. */
export function parentOf({ schema, parent }: SchemaObject): string {
  return quoteName({ schema, name: parent });
}

/** Spells an expression as the only column of a view. */
export function inView(expression: string, from: string, name: string): Scratch {
  return asView(`SELECT (${expression}) AS spelled${from && ` FROM ${from}`}`, name);
}

/** Spells a query. */
export function asView(query: string, name: string): Scratch {
  return {
    make: `CREATE TEMP VIEW ${name} AS ${query.replace(/;$/, '')}`,
    read: `pg_get_viewdef('pg_temp.${name}'::regclass)`,
  };
}
