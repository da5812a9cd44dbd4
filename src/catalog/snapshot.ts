import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import { readOnly, type Session } from '../db/session.ts';
import { kinds } from './kinds/index.ts';
import { common, type SchemaObject } from './kinds/kind.ts';
import { rarity } from './kinds/rarity.ts';

/**
 * Settings that leak into deparsed text (server manual, "System Catalog Information Functions"):
 * both sides of a comparison are read under the same ones. An empty search_path qualifies names.
 */
export const pinned = `SET LOCAL search_path = ''; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres';
  SET LOCAL TimeZone = 'UTC'; SET LOCAL quote_all_identifiers = off; SET LOCAL extra_float_digits = 1;
  SET LOCAL bytea_output = 'hex'; SET LOCAL standard_conforming_strings = on`;

/** What names an object in its database. */
export type Identity = Pick<SchemaObject, 'kind' | 'schema' | 'parent' | 'name'>;

/** The key under which two databases are compared. */
export function keyOfObject({ kind, schema, parent, name }: Identity): string {
  return JSON.stringify([kind, schema, parent, name]);
}

/** `public.users`, or `email on public.users`. */
export function objectName({ schema, parent, name }: Identity): string {
  if (parent) return `${shown(name)} on ${shown(schema)}.${shown(parent)}`;
  return schema ? `${shown(schema)}.${shown(name)}` : name;
}

/** Quoted only where it would be ambiguous without; a function's name has its arguments with it. */
function shown(name: string): string {
  return /^[a-z_][a-z0-9_$]*(?:\(.*\))?$/.test(name) ? name : quoteIdentifier(name);
}

const columns = `kind, schema, parent, name,
  jsonb_strip_nulls(properties) AS properties, jsonb_strip_nulls(expressions) AS expressions`;

const selectAll = `WITH ${common} ${kinds.map(({ select }) => `SELECT ${columns} FROM (${select}) o`).join('\nUNION ALL ')}`;

/**
 * Reads every object that migrations can make, without data, owners and rights, in the caller's
 * transaction, which is `pinned`. Left out: what is the server's, an extension's, or dbops' own.
 */
export async function fullSnapshot(session: Session): Promise<SchemaObject[]> {
  return session.query<SchemaObject & Record<string, unknown>>(selectAll);
}

/** Reads these objects as `fullSnapshot` does; nothing in place of one that is not there. */
export async function readObjects(
  session: Session,
  identities: readonly Identity[],
): Promise<(SchemaObject | undefined)[]> {
  const asked = Map.groupBy(
    identities,
    ({ kind }) => kinds.find(({ name }) => name === kind) ?? rarity,
  );
  const selects = [...asked].map(([{ select }, ofKind]) => {
    const keys = ofKind.map(({ kind, schema, parent, name }) =>
      [kind, schema, parent, name].map(quoteLiteral),
    );
    return `SELECT ${columns} FROM (${select}) o
      WHERE (kind, schema, parent, name) IN (${keys.map((key) => `(${key.join(', ')})`).join(', ')})`;
  });
  if (selects.length === 0) return [];
  const rows = await session.query<SchemaObject & Record<string, unknown>>(
    `WITH ${common} ${selects.join('\nUNION ALL ')}`,
  );
  const found = new Map(rows.map((row) => [keyOfObject(row), row]));
  return identities.map((identity) => found.get(keyOfObject(identity)));
}

/** Runs `work` read only and independent of the database's defaults: names are qualified. */
export function readPinned<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return readOnly(session, async () => {
    // Rows that a policy hides would be counted as missing; the server refuses the query instead.
    await session.script(`${pinned}; SET LOCAL row_security = off`);
    return work();
  });
}

/** Runs `work` in a transaction of a shadow under the settings of a comparison; it leaves no trace. */
export async function inScratchTransaction<T>(shadow: Session, work: () => Promise<T>): Promise<T> {
  // A migration may have taken another role.
  await shadow.script(`BEGIN; RESET SESSION AUTHORIZATION; RESET ROLE; ${pinned}`);
  try {
    return await work();
  } finally {
    await shadow.script('ROLLBACK');
  }
}
