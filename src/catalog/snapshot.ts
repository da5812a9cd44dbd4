import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import { ownPath } from '../db/search-path.ts';
import { readOnly, type Session } from '../db/session.ts';
import { grantKinds, kinds } from './kinds/index.ts';
import { common, type Kind, type SchemaObject } from './kinds/kind.ts';
import { rarity } from './kinds/rarity.ts';

/**
 * Settings that leak into deparsed text (server manual, "System Catalog Information Functions"):
 * both sides of a comparison are read under the same ones. The path of dbops qualifies names.
 */
export const fixedSettings = `SET LOCAL search_path = ${ownPath}; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres';
  SET LOCAL TimeZone = 'UTC'; SET LOCAL quote_all_identifiers = off; SET LOCAL extra_float_digits = 1;
  SET LOCAL bytea_output = 'hex'; SET LOCAL standard_conforming_strings = on`;

/** The identity of an object in its database. */
export type ObjectIdentity = Pick<SchemaObject, 'kind' | 'schema' | 'parent' | 'name'>;

/** Returns the key by which objects of two databases are matched. */
export function keyOfObject({ kind, schema, parent, name }: ObjectIdentity): string {
  return JSON.stringify([kind, schema, parent, name]);
}

/** Returns `public.users`, or `email on public.users`. */
export function objectName({ schema, parent, name }: ObjectIdentity): string {
  if (parent) return `${shown(name)} on ${shown(schema)}.${shown(parent)}`;
  return schema ? `${shown(schema)}.${shown(name)}` : name;
}

/** Quotes a name only if needed; the name of a function includes its arguments. */
function shown(name: string): string {
  return /^[a-z_][a-z0-9_$]*(?:\(.*\))?$/.test(name) ? name : quoteIdentifier(name);
}

// UNION ALL takes the type of its first branch, and `name` would cut functions with their arguments at 63 bytes.
const columns = `kind, schema::text AS schema, parent::text AS parent, name::text AS name,
  json_strip_nulls(properties) AS properties, json_strip_nulls(expressions) AS expressions`;

/** Selects one document, because parsing a row per object takes most of the time. */
function selectAll(all: readonly Kind[]): string {
  const selects = all.map(({ select }) => `SELECT ${columns} FROM (${select}) o`);
  return `WITH ${common} SELECT json_agg(o) AS objects FROM (${selects.join('\nUNION ALL ')}) o`;
}

export interface SnapshotOptions {
  /** Includes the privileges on every object, except those of owners. */
  grants?: boolean;
  /**
   * The name of a prepared statement, for a session that reads many times: planning costs as much
   * as reading a small schema.
   */
  plan?: string;
}

/**
 * Reads every object that migrations can create, without data and owners, in the caller's transaction
 * under `fixedSettings`. Excluded are objects of the server, of extensions and of dbops.
 */
export async function fullSnapshot(
  session: Session,
  { grants = false, plan }: SnapshotOptions = {},
): Promise<SchemaObject[]> {
  const text = selectAll(grants ? [...kinds, ...grantKinds] : kinds);
  const query = { text, ...(plan !== undefined && { name: plan }) };
  const { rows } = await session.client.query<{ objects: SchemaObject[] | null }>(query);
  return rows[0]?.objects ?? [];
}

/** Returns the kind of a name; kinds of `rarity` have the server's names. */
function kindOf(word: string): Kind {
  return [...kinds, ...grantKinds].find(({ name }) => name === word) ?? rarity;
}

/** Reads these objects as `fullSnapshot` does; undefined for one that does not exist. */
export async function readObjects(
  session: Session,
  identities: readonly ObjectIdentity[],
): Promise<(SchemaObject | undefined)[]> {
  const byKind = Map.groupBy(identities, ({ kind }) => kindOf(kind));
  const selects = [...byKind].map(([{ select }, ofKind]) => {
    const keys = ofKind.map(({ kind, schema, parent, name }) =>
      [kind, schema, parent, name].map(quoteLiteral),
    );
    return `SELECT ${columns} FROM (${select}) o
      WHERE (kind, schema, parent, name) IN (VALUES ${keys.map((key) => `(${key.join(', ')})`).join(', ')})`;
  });
  if (selects.length === 0) return [];
  const rows = await session.query<SchemaObject & Record<string, unknown>>(
    `WITH ${common} ${selects.join('\nUNION ALL ')}`,
  );
  const found = new Map(rows.map((row) => [keyOfObject(row), row]));
  return identities.map((identity) => found.get(keyOfObject(identity)));
}

/** Runs `work` in a read-only transaction under `fixedSettings`. */
export function readWithFixedSettings<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return readOnly(session, async () => {
    await session.script(fixedSettings);
    return work();
  });
}

/** Runs `work` in a transaction of a shadow under `fixedSettings`, and rolls it back. */
export async function inScratchTransaction<T>(shadow: Session, work: () => Promise<T>): Promise<T> {
  // A migration may have set another role.
  await shadow.script(`BEGIN; RESET SESSION AUTHORIZATION; RESET ROLE; ${fixedSettings}`);
  try {
    return await work();
  } finally {
    await shadow.script('ROLLBACK');
  }
}
