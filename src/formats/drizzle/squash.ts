import { dirname } from 'node:path';
import { usageError } from '../../errors.ts';
import type { Migration, SqlScript } from '../../migration.ts';
import { readText } from '../../text-file.ts';
import type { Squashing } from '../format.ts';
import { readIfPresent, withoutBom } from '../shared/script.ts';
import type { FolderChanges, SquashRequest } from '../shared/squash-request.ts';
import {
  directoryOfFiles,
  filesOf,
  lastOf,
  squashedName,
  squashedText,
} from '../shared/squashed.ts';
import { breakpoint } from './written.ts';

/** Drizzle sends the text between two markers as one statement. */
export const squashing: Squashing = {
  changes: squashedDrizzle,
  sourceOf: markedSource,
  separator: breakpoint,
};

/** Returns the text with its markers: those that the server needs as semicolons are kept as markers. */
function markedSource({ file }: SqlScript): string {
  return withoutBom(readText(file));
}

/**
 * Returns the changes of the folder. The last snapshot stays that of the squashed migration, with the
 * predecessors of the first one, so that drizzle-kit sees no difference.
 */
function squashedDrizzle(request: SquashRequest): FolderChanges {
  const journal = readIfPresent(`${request.directory}/meta/_journal.json`);
  return journal === undefined ? ofVersion1(request) : ofVersion0(request, journal);
}

function ofVersion1(request: SquashRequest): FolderChanges {
  const snapshots = request.migrations.map(({ up }) =>
    readIfPresent(`${dirname(up.file)}/snapshot.json`),
  );
  const snapshot = squashedSnapshot(snapshots);
  const text = squashedText(request.up, request.head, breakpoint);
  return directoryOfFiles(
    request,
    text,
    snapshot === undefined ? {} : { 'snapshot.json': snapshot },
  );
}

interface Journal {
  entries: { tag: string }[];
}

function ofVersion0(request: SquashRequest, text: string): FolderChanges {
  const { directory, migrations, head, up, down } = request;
  const journal: Journal = JSON.parse(text);
  const last = lastOf(request);
  const tag = squashedName(request);
  const members = new Set(migrations.map(({ name }) => name));
  const entries = journal.entries
    .filter((entry) => entry.tag === last.name || !members.has(entry.tag))
    .map((entry) => (entry.tag === last.name ? { ...entry, tag } : entry));
  assertAscending(migrations);
  const files = migrations.map(snapshotFile);
  const snapshot = squashedSnapshot(files.map((file) => readIfPresent(`${directory}/${file}`)));
  const kept = snapshotFile(last);
  const present = files.filter((file) => readIfPresent(`${directory}/${file}`) !== undefined);
  return {
    add: {
      [`${tag}.sql`]: squashedText(up, head, breakpoint),
      ...(down.length > 0 && { [`${tag}.down.sql`]: squashedText(down) }),
    },
    replace: {
      ...(snapshot !== undefined && { [kept]: snapshot }),
      'meta/_journal.json': `${JSON.stringify({ ...journal, entries }, null, 2)}\n`,
    },
    remove: [...filesOf(request), ...present.filter((file) => file !== kept)],
  };
}

/** drizzle-kit gives a snapshot the number or time of its migration. */
function snapshotFile({ name }: Migration): string {
  return `meta/${name.split('_')[0]}_snapshot.json`;
}

/** Drizzle compares the largest `when` of the rows with each entry, so the last must have the largest. */
function assertAscending(migrations: readonly Migration[]): void {
  const whens = migrations.map(({ row }) => Number(row?.['when']));
  const last = whens.at(-1) ?? 0;
  const late = migrations.find((_, at) => (whens[at] ?? 0) > last);
  if (!late) return;
  throw usageError(
    'SQUASH.ORDER',
    `${late.name} has a larger when than ${migrations.at(-1)?.name ?? ''}, which follows it in the journal: Drizzle would skip or repeat migrations. Nothing was changed.`,
    `Squash up to a migration with a larger when: --to NAME`,
  );
}

/** Returns the last snapshot, with the predecessors of the first; undefined where the last has none. */
function squashedSnapshot(snapshots: readonly (string | undefined)[]): string | undefined {
  const last = snapshots.at(-1);
  if (last === undefined) return undefined;
  const parsed = snapshots.flatMap((each): Snapshot[] =>
    each === undefined ? [] : [JSON.parse(each)],
  );
  const own = new Set(parsed.map(({ id }) => id));
  const before = parsed.flatMap(({ prevId, prevIds = [] }) => [
    ...(prevId ? [prevId] : []),
    ...prevIds,
  ]);
  const outside = [...new Set(before)].filter((id) => !own.has(id));
  const snapshot: Snapshot = JSON.parse(last);
  const [first] = outside;
  const previous = {
    ...(snapshot.prevId !== undefined && first !== undefined && { prevId: first }),
    ...(snapshot.prevIds !== undefined && { prevIds: outside }),
  };
  return `${JSON.stringify({ ...snapshot, ...previous }, null, 2)}\n`;
}

interface Snapshot {
  id?: string;
  prevId?: string;
  prevIds?: string[];
}
