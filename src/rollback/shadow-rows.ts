import { codeOf } from '../db/connection-error.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';

/** A point in time of a shadow: the ID of the first later transaction. */
export type Mark = bigint;

/** A mark before every row. */
export const theBeginning: Mark = 3n; // FirstNormalTransactionId in the server's sources

export async function markOf(shadow: Session): Promise<Mark> {
  const [row] = await shadow.query<{ xid: bigint }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xid',
  );
  return row?.xid ?? 0n;
}

/**
 * Deletes every row that was written since the mark. For a shadow only: triggers and foreign keys
 * are disabled. Requires a superuser; without one on `--shadow-url`, the rows stay.
 */
export async function removeRowsSince(shadow: Session, mark: Mark): Promise<void> {
  const tables = await shadow.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema$)'`,
  );
  // Transaction IDs in rows have 32 bits and wrap around, so their ages are compared.
  const isSince = `age(xmin) <= age('${BigInt.asUintN(32, mark)}'::xid)`;
  const deletes = tables.map(({ name }) => `DELETE FROM ONLY ${name} WHERE ${isSince}`);
  const script = ['BEGIN', "SET LOCAL session_replication_role = 'replica'", ...deletes, 'COMMIT'];
  try {
    await shadow.script(script.join('; '));
  } catch (error) {
    await shadow.script('ROLLBACK');
    if (!(error instanceof ScriptError && codeOf(error.cause) === sqlstate.insufficientPrivilege))
      throw error;
  }
}
