import { failedStatementOf } from '../../formats/shared/module-connection.ts';
import { serverSays, shortened } from '../../sql/error-position.ts';

/**
 * Returns why a migration failed, one entry a line: what the server reported, and for a module the
 * statement that it sent, as much of it as a screen holds.
 */
export function failureLines(cause: unknown): string[] {
  const statement = failedStatementOf(cause);
  return [
    ...serverSays(cause, statement?.message),
    ...(statement ? [`Statement: ${shortened(statement.sql.trim())}`] : []),
  ];
}
