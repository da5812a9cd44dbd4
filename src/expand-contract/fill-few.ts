import type { BackfillTarget } from '../backfill/definition.ts';

/** Rows that a migration may fill in one statement. */
const fewRows = 1_000;

/**
 * Returns a statement that fills the rows of a backfill, if they are few: a replay runs no backfill, and its
 * migrations may insert rows. Values that cannot be converted are left to the check behind it.
 *
 * @param target with `done`, in which a column of two tables is qualified
 */
export function fillFew({
  table,
  set,
  from,
  on,
  where,
  done,
}: BackfillTarget & { done: string }): string {
  const open = [`NOT (${done})`, ...(where === undefined ? [] : [`(${where})`])].join(' AND ');
  const joined = from === undefined ? '' : ` FROM ${from}`;
  const condition = on === undefined ? open : `(${on}) AND ${open}`;
  return [
    'DO $fill$ BEGIN',
    `  IF (SELECT count(*) FROM (SELECT FROM ${table} WHERE ${open} LIMIT ${fewRows + 1}) AS few) <= ${fewRows} THEN`,
    `    UPDATE ${table} SET ${set}${joined} WHERE ${condition};`,
    '  END IF;',
    'EXCEPTION WHEN data_exception THEN NULL;',
    'END $fill$',
  ].join('\n');
}
