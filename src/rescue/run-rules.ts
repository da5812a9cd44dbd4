import { codeOf } from '../db/connection-error.ts';
import { readAllRows } from '../db/row-security.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { formatCountOf } from '../output/number.ts';

/**
 * Runs the rules of a derived rollback in the caller's transaction. The server names the first column
 * in which a required value is missing; the error gets lines that name all of them, counted before
 * the transaction is rolled back: afterwards the columns that it had added do not exist.
 */
export async function runRules(session: Session, rules: string): Promise<void> {
  await session.script('SAVEPOINT dbops_rules');
  try {
    await session.script(rules);
  } catch (error) {
    const cause = error instanceof ScriptError ? error.cause : undefined;
    if (cause instanceof Error && codeOf(cause) === sqlstate.notNullViolation) {
      const missing = await missingValues(session, rules).catch(() => []);
      if (missing.length > 0) Object.assign(cause, { counted: missing });
    }
    throw error;
  }
}

/** Matches what `ddl/populated-tables.ts` writes. */
const name = '"(?:[^"]|"")+"';
const fills = new RegExp(
  `^UPDATE ${name}\\.${name} SET ${name} = DEFAULT WHERE ${name} IS NULL;$`,
  'gm',
);
const demands = new RegExp(
  `^ALTER TABLE (${name}\\.${name}) ALTER COLUMN (${name}) SET NOT NULL;$`,
  'gm',
);

async function missingValues(session: Session, rules: string): Promise<string[]> {
  const updates = [...rules.matchAll(fills)].map(([sql]) => sql).join(' ');
  await session.script(`ROLLBACK TO SAVEPOINT dbops_rules; ${readAllRows}; ${updates}`);
  const missing: string[] = [];
  for (const [, table = '', column = ''] of rules.matchAll(demands)) {
    const [row] = await session.query<{ rows: number }>(
      `SELECT count(*)::float8 AS rows FROM ${table} WHERE ${column} IS NULL`,
    );
    const rows = row?.rows ?? 0;
    if (rows > 0)
      missing.push(
        `${formatCountOf(rows, 'row')} of ${plain(table)} ${rows === 1 ? 'has' : 'have'} no ${plain(column)}`,
      );
  }
  return missing;
}

function plain(sql: string): string {
  return sql.replaceAll(/"((?:[^"]|"")+)"/g, (_, inner: string) => inner.replaceAll('""', '"'));
}
