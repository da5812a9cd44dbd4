import type { ObjectName } from '../sql/non-transactional.ts';
import type { LossCount } from './count.ts';
import type { Destroyed } from './record.ts';
import type { Restored } from './restore/run.ts';
import { formatCount, formatCountOf } from '../output/number.ts';
import { shellWord } from '../output/shell.ts';
import type { LossDocument } from '../documents.ts';

/** Rows that a migration deleted with a condition, which dbops does not copy. */
export interface UncopiedRows {
  migration: string;
  table: ObjectName;
}

/** Names of losses and rescued rows, for people and in JSON. */

/** `public.orders` or `public.orders.note`. */
export function placeOf(loss: Destroyed): string {
  const table = `${loss.schema}.${loss.table}`;
  return loss.kind === 'column' ? `${table}.${loss.column}` : table;
}

/** `1,234 rows` or `1 value`. */
export function countOf(loss: Destroyed, rows: number): string {
  const noun = loss.kind === 'column' ? 'value' : 'row';
  return formatCountOf(rows, noun);
}

/** Returns `drops table public.orders (1,234 rows)`. */
export function lossSentence({ loss, rows }: LossCount): string {
  return `${causeOf(loss)} (${rows === null ? 'not counted yet' : countOf(loss, rows)})`;
}

function causeOf(loss: Destroyed): string {
  const place = placeOf(loss);
  if (loss.kind === 'table') return `drops table ${place}`;
  if (loss.kind === 'rows') return `empties table ${place}`;
  if (loss.change === 'dropped') return `drops column ${place}`;
  return loss.to === undefined || loss.to === loss.from
    ? `rewrites column ${place}`
    : `changes column ${place} from ${loss.from} to ${loss.to}`;
}

/** Returns a loss as JSON. */
export function lossToJson(loss: Destroyed): LossDocument {
  return { ...loss };
}

/** Returns `public.orders: restored 12 rows, 3 already present, 1 skipped: …`. */
export function restoredSentence({ record, fates, obstacle }: Restored, dryRun = false): string {
  const { loss } = record;
  if (obstacle) return `${placeOf(loss)}: not restored: ${obstacle}`;
  const isColumn = loss.kind === 'column';
  const parts = [
    `${dryRun ? 'would restore' : 'restored'} ${countOf(loss, fates.restored)}`,
    ...some(fates.same, 'already present'),
    ...some(
      fates.conflict,
      isColumn
        ? 'skipped: another value was written since'
        : 'skipped: another row has the same key',
    ),
    ...some(fates.orphan, 'skipped: the referenced row no longer exists'),
    ...some(fates.missing, 'skipped: the row no longer exists'),
  ];
  return `${placeOf(loss)}: ${parts.join(', ')}`;
}

/** Returns the number of rows or values of a record that exist only in its copy. */
export function rowsLeft({ record, fates, obstacle }: Restored): number {
  const { restored, conflict, orphan, missing } = fates;
  if (obstacle !== undefined) return Math.max(0, record.rows - restored);
  return conflict + orphan + missing;
}

/** `3 values of public.item.note, destroyed by 0002_less, are still in dbops_rescue`. */
export function leftSentence(one: Restored): string {
  const { record, fates, obstacle } = one;
  const { loss, migration } = record;
  const rows = fates.restored + rowsLeft(one);
  const verb = rows === 1 ? 'is' : 'are';
  const why = obstacle === undefined ? '' : `: ${obstacle}`;
  return `${countOf(loss, rows)} of ${placeOf(loss)}, destroyed by ${migration}, ${verb} still in dbops_rescue${why}`;
}

/** Returns what rolling a migration back cannot restore. */
export function uncopiedSentence({ migration, table }: UncopiedRows): string {
  const name = `${table.schema ? `${table.schema}.` : ''}${table.name}`;
  return `${migration} deleted rows of ${name} on a condition: they were not copied and are not restored`;
}

function some(rows: number, words: string): string[] {
  return rows > 0 ? [`${formatCount(rows)} ${words}`] : [];
}

/** Returns the command that restores what a migration destroyed. */
export function restoreCommand(migration: string): string {
  return `dbops rescue restore ${shellWord(migration)}`;
}
