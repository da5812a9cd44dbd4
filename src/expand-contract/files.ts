import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BackfillTarget } from '../backfill/definition.ts';
import type { Split } from './plan.ts';
import { usageError } from '../errors.ts';
import type { Folder, NewMigration } from '../formats/format.ts';
import { slugOf } from '../formats/shared/new-migration.ts';
import {
  fillFiles,
  statements,
  type MigrationContent,
} from '../formats/shared/written-migration.ts';
import type { Migration } from '../migration.ts';

/** A migration that was split in two. */
interface SplitRequest {
  folder: Folder;
  migration: Migration;
  split: Split;
  /** The remaining statements of its rollback, where it has one. */
  rollback: readonly string[] | undefined;
  backfills: ReadonlyMap<string, BackfillTarget[]>;
  now: Date;
}

/** Text by absolute path. */
export type SplitFiles = Readonly<Record<string, string>>;

/**
 * Returns the files to write: the backfill definitions, the contract migration in the folder's format, and
 * the migration itself, which keeps the expand part.
 *
 * @throws usage error when a definition already exists, or dbops cannot write the format
 */
export function filesOf(request: SplitRequest): SplitFiles {
  return { ...definitionFiles(request), ...contractFiles(request), ...expandFiles(request) };
}

/**
 * Returns the definitions of backfills, text by absolute path.
 *
 * @throws usage error when one of the files already exists
 */
export function definitionFiles({
  folder: { directory },
  backfills,
}: Pick<SplitRequest, 'folder' | 'backfills'>): SplitFiles {
  const files = [...backfills].map(([name, targets]) => {
    const file = join(dirname(directory), 'backfills', `${name}.json`);
    if (existsSync(file))
      throw usageError(
        'EXPAND.DEFINED',
        `${file} already exists; nothing was written.`,
        'Rename or remove it, or split the migration by hand.',
      );
    const columns = targets.map(({ table }) => table).join(' and ');
    const definition = { summary: `${name.replaceAll('-', '_')} of ${columns}`, targets };
    return [file, `${JSON.stringify(definition, null, 2)}\n`];
  });
  return Object.fromEntries(files) as Record<string, string>;
}

function contractFiles({ folder, migration: { name }, split, backfills, now }: SplitRequest) {
  const { directory, format, migrations } = folder;
  const title = `${slugOf(name.replace(/^[\d_-]+/, '')) || 'migration'}_contract`;
  const content: MigrationContent = {
    head: [
      ...[...backfills.keys()].map((each) => `dbops: requires-backfill ${each}`),
      'dbops: no-transaction',
      `Enforces what ${name} requires of every row, after the backfill. Each statement runs in its`,
      'own transaction, and none blocks reads or writes for long.',
    ],
    up: split.contract,
    down: split.undo,
    isStepwise: true,
  };
  const files = newMigrationFiles(folder, { migrations, title, now, module: false }, content);
  if (Object.keys(files).length === 0)
    throw usageError(
      'EXPAND.FORMAT',
      `dbops cannot write ${format.name} migrations.`,
      'Write both files by hand; see docs/backfill.md.',
    );
  return below(directory, files);
}

/** Returns the files of a migration that sorts last, text by path below the folder; none where dbops cannot write the format. */
export function newMigrationFiles(
  { format, directory }: Pick<Folder, 'format' | 'directory'>,
  request: NewMigration,
  content: MigrationContent,
): Record<string, string> {
  return format.writtenFiles
    ? format.writtenFiles(directory, request, content)
    : fillFiles(format.newFiles?.(request) ?? {}, content);
}

function below(directory: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([path, content]) => [join(directory, path), content]),
  );
}

/** The migration itself, and its rollback where it has one. */
function expandFiles({ folder, migration, split, rollback }: SplitRequest) {
  const head = [
    `The part of ${migration.name} that runs before the backfill; the last migration has the rest.`,
  ];
  const content = { head, up: split.expand, down: rollback ?? [], isStepwise: false };
  return replacedFiles(folder, migration, content, rollback !== undefined);
}

/**
 * Returns the files of a migration whose statements are replaced, text by absolute path.
 *
 * @param hasRollback whether `content.down` replaces its rollback, which stays unchanged if not
 */
export function replacedFiles(
  { format, migrations }: Pick<Folder, 'format' | 'migrations'>,
  { name, up, down }: Pick<Migration, 'name' | 'up' | 'down'>,
  content: MigrationContent,
  hasRollback: boolean,
): Record<string, string> {
  const hasOwnFile = hasRollback && down && down.file !== up.file;
  if (format.textOf)
    return {
      [up.file]: format.textOf(content),
      ...(hasOwnFile && { [down.file]: statements(content.down) }),
    };
  const request = { migrations, title: name, now: new Date(0), module: false };
  const filled = Object.entries(fillFiles(format.newFiles?.(request) ?? {}, content));
  const [, first = ''] = filled.find(([path]) => !/\bdown\.sql$/.test(path)) ?? [];
  const [, second] = filled.find(([path]) => /\bdown\.sql$/.test(path)) ?? [];
  return {
    [up.file]: first,
    ...(hasOwnFile && second !== undefined && { [down.file]: second }),
  };
}

/** Writes every file under another name first, so that a failure leaves the migration unchanged. */
export function writeFiles(files: SplitFiles): void {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, content);
  }
  for (const file of Object.keys(files)) renameSync(`${file}.new`, file);
}
