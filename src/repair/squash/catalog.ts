import type { Migration } from '../../migration.ts';
import { placeOf } from '../prior.ts';
import { isInDatabase, openRows, rowsFor, type Found, type SquashQuestion } from './replacement.ts';

/**
 * Adds the migration that alone explains the catalog, for a folder that git does not have: it is the only
 * one without a row that is in the database, it changes no rows, every row without a file belongs in its
 * place, and no object comes from elsewhere, such as from another application with the same table.
 */
export function fromCatalog(asked: SquashQuestion, found: Found): void {
  const { folder, diagnosis } = asked;
  const form = folder.tracking.rows;
  const { judgements, unexplained, changesData, states } = diagnosis;
  const open = judgements.filter(
    (each) => each.migration && (!each.row || each.verdict.startsWith('edited')),
  );
  const [only, another] = open.filter((each) => isInDatabase(each, asked));
  const squashed = only?.migration;
  if (!squashed || another || only.inCatalog !== 'proven' || changesData.has(squashed.name)) return;
  const isFailed = judgements.some(({ row }) => row && form.stateOf?.(row.columns) === 'failed');
  if (unexplained.length > 0 || states.skipped.length > 0 || isFailed) return;
  const others = folder.migrations.filter((each) => each !== squashed);
  const place = folder.migrations.indexOf(squashed);
  const isRecorded = (each: Migration) => judgements.some((j) => j.migration === each && j.row);
  if (!others.slice(0, place).every(isRecorded)) return;
  if (!openRows(asked, found).every(({ row }) => placeOf(row, others, form) === place)) return;
  const rows = rowsFor(asked, found, squashed);
  const inOrder = rows.toSorted((a, b) => byKey(a.name, b.name));
  found.replacements.push({ squashed, rows: inOrder });
}

function byKey(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}
