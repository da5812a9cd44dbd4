import type { DatabaseError } from 'pg';
import { quoteIdentifier } from '../db/quote.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import { serverSays } from './error-position.ts';
import { quotedNames } from './quoted-names.ts';

/**
 * Returns the remedy where a publication rejects an UPDATE or DELETE (server sources,
 * `CheckCmdReplicaIdentity`): subscribers could not find the row. Undefined for any other error.
 */
export function replicaIdentityRemedy(cause: unknown): string | undefined {
  const { routine, message = '' } = cause as Partial<DatabaseError>;
  if (routine !== 'CheckCmdReplicaIdentity') return undefined;
  const [name = 'TABLE'] = quotedNames(message);
  const table = /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
  return `Give the table a replica identity that has the columns of its publications' filters, or change the publications. All columns: ALTER TABLE ${table} REPLICA IDENTITY FULL; a unique index on NOT NULL columns: ALTER TABLE ${table} REPLICA IDENTITY USING INDEX …;`;
}

/** Returns the error with the server's detail and the remedy; undefined for any other error. */
export function replicaIdentityError(cause: unknown): DbopsError | undefined {
  const hint = replicaIdentityRemedy(cause);
  if (hint === undefined) return undefined;
  return new DbopsError({
    code: 'DATABASE.REPLICA_IDENTITY',
    exitCode: exitCodes.failed,
    message: `A publication of the table rejects the change: ${messageOf(cause)}.`,
    reason: serverSays(cause),
    hint,
    cause,
  });
}
