import { quoteIdentifier, quoteLiteral } from '../../db/quote.ts';
import type { Session } from '../../db/session.ts';
import { kinds } from './kinds/index.ts';
import { common, type SchemaObject } from './kinds/kind.ts';
import { rarity } from './kinds/rarity.ts';
import { pinned } from '../snapshot.ts';

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

/** Reads one object as `fullSnapshot` does; nothing when it is not there. */
export async function readObject(
  session: Session,
  { kind, schema, parent, name }: Identity,
): Promise<SchemaObject | undefined> {
  const { select } = kinds.find((each) => each.name === kind) ?? rarity;
  const [found] = await session.query<SchemaObject & Record<string, unknown>>(
    `WITH ${common} SELECT ${columns} FROM (${select}) o
      WHERE kind = ${quoteLiteral(kind)} AND schema = ${quoteLiteral(schema)} AND parent = ${quoteLiteral(parent)} AND name = ${quoteLiteral(name)}`,
  );
  return found;
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
