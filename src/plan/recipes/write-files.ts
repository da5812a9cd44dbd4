import { usageError } from '../../errors.ts';
import {
  definitionFiles,
  laterFiles,
  replacedFiles,
  type SplitFiles,
} from '../../expand-contract/files.ts';
import type { Folder } from '../../formats/format.ts';
import type { Migration } from '../../migration.ts';
import { remainingRollback } from './remaining-rollback.ts';
import type { RecipeBackfill } from './recipe.ts';
import type { RecipeFile } from './rewrite-migration.ts';

export { writeFiles } from '../../expand-contract/files.ts';

export interface RecipeFilesRequest {
  folder: Folder;
  /** The pending migration that the files replace: the last of the folder. */
  migration: Migration;
  files: readonly RecipeFile[];
  backfills: readonly RecipeBackfill[];
  now: Date;
}

/**
 * Returns the files to write, text by absolute path: the migration itself with the first part, and a new
 * migration for each further part, in the format of the folder. `writeFiles` writes them.
 *
 * @throws usage error for a module, for a migration that is not the last, or when dbops cannot write the format
 */
export async function recipeFilesOf(request: RecipeFilesRequest): Promise<SplitFiles> {
  assertWritable(request);
  const { folder, migration, files, now } = request;
  const [first, ...further] = files;
  if (!first) return {};
  const { down } = migration;
  const later = further.map(({ sql }) => sql).join('\n');
  const rest = down?.kind === 'sql' ? await remainingRollback(down.sql, later) : undefined;
  const content = { ...contentOf(first), down: rest ?? [] };
  const replaced = replacedFiles(folder, migration, content, rest !== undefined);
  const added = laterFiles(folder, {
    replaced: migration.name,
    files: further.map((file) => ({
      suffix: file.suffix,
      content: contentOf(file, down !== undefined),
    })),
    now,
  });
  if (!added) throw cannotWrite(folder.format.name);
  return { ...definitionsOf(request), ...replaced, ...added };
}

function definitionsOf({ folder, backfills }: RecipeFilesRequest): SplitFiles {
  const byName = Map.groupBy(backfills, ({ name }) => name);
  const targets = [...byName].map(
    ([name, all]) => [name, all.map(({ target }) => target)] as const,
  );
  return definitionFiles({ folder, backfills: new Map(targets) });
}

function contentOf({ head, statements, undo, noTransaction }: RecipeFile, hasRollback = true) {
  return { head, up: statements, down: hasRollback ? undo : [], isStepwise: noTransaction };
}

function assertWritable({ folder, migration: { name, up } }: RecipeFilesRequest): void {
  const last = folder.migrations.at(-1)?.name;
  if (up.kind !== 'sql')
    throw usageError(
      'PLAN.MODULE',
      `${name} is a module; dbops rewrites only SQL migrations.`,
      'Send the statements of the recipe from modules of your own, each in its own migration.',
    );
  if (last !== name)
    throw usageError(
      'PLAN.NOT_LAST',
      `${name} is not the last migration: its further files would run after ${last ?? 'the others'}.`,
      'Make it the last migration of the folder, then run the command again.',
    );
  if (!folder.format.newFiles && !folder.format.writtenFiles) throw cannotWrite(folder.format.name);
}

function cannotWrite(format: string) {
  return usageError(
    'PLAN.FORMAT',
    `dbops cannot write ${format} migrations.`,
    'Write the files of the recipe by hand.',
  );
}
