import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { fullSnapshot, inScratchTransaction } from '../catalog/snapshot.ts';
import { readStorage, type Storage } from '../catalog/losses.ts';
import { readRights } from '../catalog/rights.ts';
import { sqlstate } from '../db/sqlstate.ts';

/** How often a session prepared its statement. */
const generations = new WeakMap<Session, number>();

/**
 * Reads the catalog of a shadow with a prepared statement, because planning takes longer than
 * running it. A migration may `DISCARD` prepared statements; the statement is then prepared again.
 */
export async function scratchSnapshot(
  shadow: Session,
  { grants = false }: { grants?: boolean } = {},
): Promise<SchemaObject[]> {
  const read = () => inScratchTransaction(shadow, () => preparedSnapshot(shadow, { grants }));
  try {
    return await read();
  } catch (error) {
    if (codeOf(error) !== sqlstate.invalidSqlStatementName) throw error;
    generations.set(shadow, (generations.get(shadow) ?? 0) + 1);
    return read();
  }
}

/**
 * Does the same in the caller's transaction, in which no migration has run since the last
 * `scratchSnapshot`.
 */
export function preparedSnapshot(
  shadow: Session,
  { grants = false }: { grants?: boolean } = {},
): Promise<SchemaObject[]> {
  return fullSnapshot(shadow, { grants, plan: planName(shadow, grants ? 'grants' : 'snapshot') });
}

/** The privileges, under the same conditions. */
export function preparedRights(shadow: Session): Promise<ReadonlyMap<string, string>> {
  return readRights(shadow, planName(shadow, 'rights'));
}

/** The tables that store rows, under the same conditions. */
export function preparedStorage(shadow: Session): Promise<Storage> {
  return readStorage(shadow, planName(shadow, 'storage'));
}

function planName(shadow: Session, what: string): string {
  return `dbops_${what}_${generations.get(shadow) ?? 0}`;
}
