import { usageError } from '../../errors.ts';
import type { Squashing } from '../format.ts';
import { slugOf } from '../shared/new-migration.ts';
import type { FolderChanges, SquashRequest } from '../shared/squash-request.ts';
import { filesOf, lastOf, squashedName, squashedText } from '../shared/squashed.ts';
import { committedText } from './committed.ts';

export const squashing: Squashing = { changes: squashedCommit };

/** @throws usage error when a migration follows: its hash includes those of all migrations before it */
function squashedCommit(request: SquashRequest): FolderChanges {
  const { migrations, all, title, head, up } = request;
  const last = lastOf(request);
  const later = all[all.indexOf(last) + 1];
  if (later)
    throw usageError(
      'SQUASH.CHAIN',
      `${later.name} follows ${last.name}, and its hash includes the hashes of the migrations before it. Nothing was changed.`,
      `Squash all migrations of the folder: --to ${all.at(-1)?.name ?? ''}`,
    );
  const [{ row }] = migrations;
  const previous = row === undefined ? undefined : String(row['previous']);
  const name = squashedName(request, slugOf(title).replaceAll('_', '-')).replace('_', '-');
  return {
    add: { [`committed/${name}.sql`]: committedText(squashedText(up, head), previous) },
    replace: {},
    remove: filesOf(request),
  };
}
