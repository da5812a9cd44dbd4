import type { RowForm } from '../../formats/format.ts';
import type { Migration } from '../../migration.ts';
import { changedColumns, type Action } from '../action.ts';
import { isKnownAs, type TrackedRow } from '../rows.ts';

/**
 * Returns the changes that make one migration replace those of some rows. One row becomes its row, so that
 * it keeps its place among the others: the row that has its number already, or the last one. The rest is
 * deleted. The newest row comes first, because rows may refer to earlier ones.
 *
 * @param rows in the order in which their migrations were applied, with the names that they are shown with
 */
export function replaceRows(
  rows: readonly { name: string; row: TrackedRow }[],
  by: Migration,
  form: RowForm,
): Action[] {
  const newestFirst = rows.toReversed();
  const kept = newestFirst.find(({ row }) => isKnownAs(row, by, form)) ?? newestFirst[0];
  return newestFirst.flatMap((each): Action[] => {
    if (each !== kept) return [{ kind: 'replace', ...each, by }];
    const set = changedColumns(each.row, by, form);
    return Object.keys(set).length > 0 ? [{ kind: 'update', ...each, set, migration: by }] : [];
  });
}
