import type { Statement } from '../../sql/statements.ts';
import { namedTables } from '../../sql/statements.ts';
import type { LockMode } from '../observation.ts';
import type { KnownLock } from './transaction.ts';

/** What the server manual says of a statement that runs outside a transaction. */
export interface KnownStatement {
  locks: KnownLock[];
  /** It waits for every older transaction to end ("Building Indexes Concurrently"). */
  waitsForTransactions: boolean;
}

/**
 * Returns the locks of a statement that runs outside a transaction: they end with it, so that they cannot
 * be read afterwards.
 */
export async function knownLocksOf({ sql, letsPass, effect }: Statement): Promise<KnownStatement> {
  const waitsForTransactions = letsPass && effect !== undefined;
  const mode = letsPass ? 'SHARE UPDATE EXCLUSIVE' : modeOf(sql);
  if (effect?.kind === 'drop-index' || (effect?.kind === 'reindex' && effect.scope === 'index')) {
    const table = effect.kind === 'drop-index' ? effect.index : effect.object;
    return { locks: [{ table, mode }], waitsForTransactions };
  }
  const tables = await namedTables(sql);
  return { locks: tables.map((table) => ({ table, mode })), waitsForTransactions };
}

/** What is left locks for reindexing (SHARE), or like VACUUM FULL and CLUSTER. */
function modeOf(sql: string): LockMode {
  return /^\s*reindex\b/i.test(sql) ? 'SHARE' : 'ACCESS EXCLUSIVE';
}
