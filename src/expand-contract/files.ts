import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BackfillTarget } from '../backfill/definition.ts';
import type { Split } from './plan.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { slugOf } from '../formats/shared/new-migration.ts';
import {
  fillFiles,
  statements,
  type MigrationContent,
} from '../formats/shared/written-migration.ts';
import type { Migration } from '../migration.ts';

/** A migration that was cut in two. */
interface Cut {
  folder: Folder;
  migration: Migration;
  split: Split;
  /** Statements that are left of its rollback, where it has one. */
  rollback: readonly string[] | undefined;
  backfills: ReadonlyMap<string, BackfillTarget[]>;
  now: Date;
}

/**
 * Text by path: the definitions, the second part in the folder's own format, and the migration
 * itself, which keeps the first.
 *
 * @throws usage error where a file is in the way, or dbops can't write the folder's format
 */
export function filesOf(cut: Cut): Record<string, string> {
  return { ...definitionFiles(cut), ...contractFiles(cut), ...expandFiles(cut) };
}

function definitionFiles({ folder: { directory }, backfills }: Cut) {
  const files = [...backfills].map(([name, targets]) => {
    const file = join(dirname(directory), 'backfills', `${name}.json`);
    if (existsSync(file))
      throw usageError(
        'EXPAND.DEFINED',
        `${file} already exists; nothing was written.`,
        'Rename or remove it, or cut the migration by hand.',
      );
    const columns = targets.map(({ table }) => table).join(' and ');
    const definition = { summary: `${name.replaceAll('-', '_')} of ${columns}`, targets };
    return [file, `${JSON.stringify(definition, null, 2)}\n`];
  });
  return Object.fromEntries(files) as Record<string, string>;
}

function contractFiles({ folder, migration: { name }, split, backfills, now }: Cut) {
  const { directory, format, migrations } = folder;
  const title = `${slugOf(name.replace(/^[\d_-]+/, '')) || 'migration'}_contract`;
  const content: MigrationContent = {
    head: [
      ...[...backfills.keys()].map((each) => `dbops: requires-backfill ${each}`),
      'dbops: no-transaction',
      `What ${name} demands of every row, once the columns are filled. Every statement commits`,
      'alone, and none holds a lock for long that keeps the application waiting.',
    ],
    up: split.contract,
    down: split.undo,
    isStepwise: true,
  };
  const wanted = { migrations, title, now, module: false };
  const files = format.writtenFiles
    ? format.writtenFiles(directory, wanted, content)
    : fillFiles(format.newFiles?.(wanted) ?? {}, content);
  if (Object.keys(files).length === 0)
    throw usageError(
      'EXPAND.FORMAT',
      `dbops can not write migrations of ${format.name}.`,
      'Write both files by hand; docs/backfill.md shows how.',
    );
  return below(directory, files);
}

function below(directory: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([path, content]) => [join(directory, path), content]),
  );
}

/** The migration itself, and its rollback where it has one. */
function expandFiles({ folder, migration: { name, up, down }, split, rollback }: Cut) {
  const { format, migrations } = folder;
  const head = [`What ${name} can do before its columns are filled; the rest is in the last file.`];
  const content: MigrationContent = {
    head,
    up: split.expand,
    down: rollback ?? [],
    isStepwise: false,
  };
  if (format.textOf)
    return {
      [up.file]: format.textOf(content),
      ...(down && down.file !== up.file && rollback && { [down.file]: statements(rollback) }),
    };
  const wanted = { migrations, title: name, now: new Date(0), module: false };
  const filled = Object.entries(fillFiles(format.newFiles?.(wanted) ?? {}, content));
  const [, first = ''] = filled.find(([path]) => !/\bdown\.sql$/.test(path)) ?? [];
  const [, second] = filled.find(([path]) => /\bdown\.sql$/.test(path)) ?? [];
  return {
    [up.file]: first,
    ...(down &&
      down.file !== up.file &&
      second !== undefined &&
      rollback && { [down.file]: second }),
  };
}
