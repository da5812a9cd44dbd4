import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { fullSnapshot, inScratchTransaction } from '../catalog/snapshot.ts';
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
  const plan = `dbops_snapshot_${grants ? 'grants_' : ''}${generations.get(shadow) ?? 0}`;
  return fullSnapshot(shadow, { grants, plan });
}
