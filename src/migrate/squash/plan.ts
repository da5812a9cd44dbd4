import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { usageError } from '../../errors.ts';
import type { Folder, RowForm, Squashing } from '../../formats/format.ts';
import type { FolderChanges, SquashPart } from '../../formats/shared/squash-request.ts';
import { filesOf } from '../../formats/shared/squashed.ts';
import type { Direction, Migration } from '../../migration.ts';
import { asWord, nameOfRow } from '../../repair/rows.ts';
import { replacedBy } from '../../sql/directives.ts';
import { edited, mergeable, type DataStatement } from '../../sql/merge.ts';
import { readInAnyEncoding } from '../../text-file.ts';
import { assertNoDefects, indexOfName } from '../plan.ts';

export interface SquashAsked {
  /** The last migration to squash. */
  to: string;
  /** The first one; absent: the first of the folder. */
  from?: string | undefined;
  /** The title of the new migration. */
  title: string;
}

/** What becomes one migration, and the changes of the folder; nothing is written yet. */
export interface SquashPlan {
  /** The migrations to replace, in order. */
  members: readonly [Migration, ...Migration[]];
  /** The migrations of the folder, without a squashed one of an interrupted run. */
  migrations: readonly Migration[];
  changes: FolderChanges;
  /** Statements that change rows; all of them are kept. */
  data: (DataStatement & { migration: string })[];
  /** What the squashed file leaves out or lacks, a sentence each. */
  notes: string[];
  /** Whether some of the migrations have a rollback, which no new file has. */
  losesDown: boolean;
  /** Whether an interrupted run has written the new files. */
  isWritten: boolean;
  /** Whether it has also removed some of the files that they replace. */
  isHalfRemoved?: true;
}

/**
 * Plans the file that replaces several migrations.
 *
 * @throws usage error for a range or a format that cannot be squashed, or where another file has the name
 */
export async function planSquash(folder: Folder, asked: SquashAsked): Promise<SquashPlan> {
  assertNoDefects(folder);
  const { directory, tracking } = folder;
  const { members, migrations, isHalfRemoved } = membersOf(folder, asked);
  if (isHalfRemoved) return restOf(directory, members, migrations);
  const squash = await squashingOf(folder, members);
  const up = await partsOf(members, 'up', squash);
  const isReversible = members.every(({ down }) => down?.kind === 'sql');
  const down = isReversible ? await partsOf(members.toReversed(), 'down', squash) : undefined;
  const changes = squash.changes({
    directory,
    migrations: members,
    all: migrations,
    title: asked.title,
    head: headOf(members, tracking.rows),
    up: up.parts,
    down: down?.parts ?? [],
  });
  const isWritten = assertFree(directory, changes.add);
  return {
    members,
    migrations,
    changes,
    data: up.data,
    notes: [...up.omissions, ...(isReversible ? [] : withoutDown(members))],
    losesDown: !isReversible && members.some((each) => each.down),
    isWritten,
  };
}

/** An interrupted run has removed some of the files already: the others follow. */
function restOf(
  directory: string,
  members: SquashPlan['members'],
  migrations: readonly Migration[],
): SquashPlan {
  const remove = filesOf({ directory, migrations: members });
  const changes = { add: {}, replace: {}, remove };
  return {
    members,
    migrations,
    changes,
    data: [],
    notes: [],
    losesDown: false,
    isWritten: true,
    isHalfRemoved: true,
  };
}

function withoutDown(members: readonly Migration[]): string[] {
  if (!members.some(({ down }) => down)) return [];
  const name = members.find(({ down }) => !down)?.name ?? '';
  return [`No down file is written: ${name} has none. dbops migrate down derives the rollback.`];
}

/** @throws usage error for fewer than two migrations */
function membersOf(
  { migrations: all, tracking }: Folder,
  { to, from }: SquashAsked,
): Pick<SquashPlan, 'members' | 'migrations' | 'isHalfRemoved'> {
  const start = from === undefined ? 0 : indexOfName(all, from, '--from');
  const end = indexOfName(all, to);
  const chosen = all.slice(start, end + 1);
  const form = tracking.rows;
  const squashed = squashedAmong(all, chosen, form);
  const migrations = all.filter((each) => each !== squashed);
  const [first, ...rest] = chosen.filter((each) => each !== squashed);
  const isHalfRemoved = squashed && isPartlyRemoved(squashed, { migrations, chosen, form });
  if (first && (rest.length > 0 || isHalfRemoved))
    return { members: [first, ...rest], migrations, ...(isHalfRemoved && { isHalfRemoved }) };
  throw usageError(
    'SQUASH.NOTHING',
    first ? `${first.name} is the only migration in this range.` : `${from} comes after ${to}.`,
    'Name a later migration with --to; dbops migrate status lists them.',
  );
}

/** Returns the file that an interrupted run left beside those that it replaces. */
function squashedAmong(
  all: readonly Migration[],
  chosen: readonly Migration[],
  form: RowForm,
): Migration | undefined {
  return all.find((each) => {
    const replaced = new Set(replacedNames(each));
    return (
      replaced.size > 0 &&
      chosen.some((other) => other !== each && replaced.has(tokenOf(other, form)))
    );
  });
}

/** Whether some of the files that a squashed one replaces were removed, and the others are all chosen. */
function isPartlyRemoved(
  squashed: Migration,
  { migrations, chosen, form }: { migrations: Migration[]; chosen: Migration[]; form: RowForm },
): boolean {
  const names = replacedNames(squashed);
  const present = migrations.filter((each) => names.includes(tokenOf(each, form)));
  return present.length < names.length && present.every((each) => chosen.includes(each));
}

function replacedNames({ up, isMissing }: Migration): (string | undefined)[] {
  if (up.kind !== 'sql' || isMissing) return [];
  return replacedBy(up.sql).map(([name]) => name);
}

/** Returns what the row of a migration is called, as one word. */
function tokenOf(migration: Migration, form: RowForm): string {
  return asWord(nameOfRow({ place: '', columns: form.columnsOf(migration) }, form));
}

/** The names of the rows let `repair-tracking` replace them on other databases, without git. */
function headOf(members: readonly Migration[], form: RowForm): string[] {
  const replaced = members.map((each) => {
    const earlier = each.up.kind === 'sql' ? replacedBy(each.up.sql).flat() : [];
    return `dbops: replaces ${[tokenOf(each, form), ...earlier].join(' ')}`;
  });
  return [...replaced, `Squashed by dbops from ${members.length} migrations, in their order.`];
}

/** @throws usage error where a migration is a module, or the format has no squashed form */
function squashingOf({ format }: Folder, members: readonly Migration[]): Promise<Squashing> {
  const module = members.find(({ up, down }) => up.kind === 'module' || down?.kind === 'module');
  if (format.squash && !module) return format.squash();
  throw usageError(
    'SQUASH.MODULE',
    `${module?.name ?? members[0]?.name ?? ''} is a module: dbops cannot merge the code of modules. Nothing was changed.`,
    `Write one module that has the effects of all of them, with a line "// dbops: replaces NAME" for each at its top, delete theirs, then: dbops repair-tracking --apply`,
  );
}

interface Parts {
  parts: SquashPart[];
  data: SquashPlan['data'];
  omissions: string[];
}

/** @throws usage error for a statement that cannot share a transaction */
async function partsOf(
  migrations: readonly Migration[],
  direction: Direction,
  squash: Squashing,
): Promise<Parts> {
  const found = await Promise.all(migrations.map((each) => partOf(each, direction, squash)));
  return {
    parts: found.map(({ part }) => part),
    data: found.flatMap(({ data }) => data),
    omissions: found.flatMap(({ omissions }) => omissions),
  };
}

async function partOf(migration: Migration, direction: Direction, squash: Squashing) {
  const { name, [direction]: script } = migration;
  if (script?.kind !== 'sql') throw new Error(`${name} has no SQL`);
  const { edits, omissions, resets, data, obstacle } = await mergeable(script.sql);
  if (obstacle)
    throw usageError(
      'SQUASH.ALONE',
      `${name} has a statement that cannot run in a transaction (line ${obstacle.line}). Nothing was changed.`,
      `Squash the migrations before it, or those after it: --to NAME, --from NAME`,
      [obstacle.sql.trim()],
    );
  const text = edited(squash.sourceOf?.(script) ?? script.sql, edits);
  const between = squash.separator === undefined ? '\n' : `\n${squash.separator}\n`;
  const body = [tidy(text), ...resets].join(between);
  return {
    part: { name, text: body },
    data: data.map((each) => ({ ...each, migration: name })),
    omissions: omissions.map(({ line, word }) => `${name} line ${line}: ${word} is left out.`),
  };
}

/** Removes the line of a section, which the new file has itself, and empty lines around the text. */
function tidy(text: string): string {
  return text
    .replace(/^--\s*migrate:(?:up|down)\b.*$|^\s*--[\s-]*(?:up|down)\s+migration.*$/im, '')
    .replace(/^(?:[^\S\n]*\n)+/, '')
    .trimEnd();
}

/** Returns whether all files exist with this text. @throws usage error where one has another text */
function assertFree(directory: string, files: Readonly<Record<string, string>>): boolean {
  const present = Object.keys(files).filter((file) => existsSync(join(directory, file)));
  const other = present.find((file) => readInAnyEncoding(join(directory, file)) !== files[file]);
  if (other === undefined) return present.length === Object.keys(files).length;
  throw usageError(
    'SQUASH.EXISTS',
    `${other} already exists. Nothing was changed.`,
    'Choose another title with --name, or delete that file if it is of an interrupted squash.',
  );
}
