import { triggerNames } from '../backfill/trigger-sql.ts';
import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import type { ObjectName } from '../sql/non-transactional.ts';

/** Rows that a constraint would reject. */
export interface RowCheck {
  /** A SELECT of the rows. */
  sql: string;
  message: string;
}

/** Returns a statement that fails on violating rows before any constraint is added. */
export function checkRowsFirst(checks: readonly RowCheck[]): string {
  const tests = checks.map(
    ({ sql, message }) =>
      `  IF EXISTS (${sql}) THEN RAISE EXCEPTION USING MESSAGE = ${quoteLiteral(message)}; END IF;`,
  );
  return `DO $look$ BEGIN\n${tests.join('\n')}\nEND $look$`;
}

/**
 * Returns statements that set NOT NULL without scanning under an ACCESS EXCLUSIVE lock: a CHECK (up to
 * PostgreSQL 17) or NOT NULL NOT VALID (from 18 on) is validated first. They run after the backfill,
 * because NOT VALID constraints apply to every new row version.
 */
export function notNull(
  table: ObjectName,
  column: string,
  constraint = `${table.name}_${column}_not_null`,
): string[] {
  const alter = `ALTER TABLE ${quoteName(table)}`;
  const name = q(constraint);
  const has18 = `current_setting('server_version_num')::int >= 180000`;
  const execute = (sql: string) => `EXECUTE ${quoteLiteral(sql)};`;
  return [
    [
      'DO $not_null$ BEGIN',
      `  IF ${has18} THEN ${execute(`${alter} ADD CONSTRAINT ${name} NOT NULL ${q(column)} NOT VALID`)}`,
      `  ELSE ${execute(`${alter} ADD CONSTRAINT ${name} CHECK (${q(column)} IS NOT NULL) NOT VALID`)}`,
      '  END IF;',
      'END $not_null$',
    ].join('\n'),
    `${alter} VALIDATE CONSTRAINT ${name}`,
    `${alter} ALTER COLUMN ${q(column)} SET NOT NULL`,
    [
      'DO $not_null$ BEGIN',
      `  IF NOT ${has18} THEN ${execute(`${alter} DROP CONSTRAINT ${name}`)} END IF;`,
      'END $not_null$',
    ].join('\n'),
  ];
}

/** Returns statements that drop the triggers of the backfill of a column. */
export function withoutTriggers(table: ObjectName, column: string): string[] {
  const { fill, move } = triggerNames(column);
  return [fill, move].map((name) => `DROP TRIGGER IF EXISTS ${q(name)} ON ${quoteName(table)}`);
}
