import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { usageError } from '../../errors.ts';
import type { Migration } from '../../migration.ts';
import type { Squashing } from '../format.ts';
import type { FolderChanges, SquashPart, SquashRequest } from './squash-request.ts';
import { slugOf } from './new-migration.ts';

/** Such as `0003_squashed.up.sql` and `0003_squashed.down.sql`. */
export const pairs: Squashing = { changes: pairOfFiles };

/** Such as `0003_squashed.sql`. */
export const singleFiles: Squashing = {
  changes: (request) => singleFile(request, squashedText(request.up, request.head)),
};

/** Such as `0003_squashed/migration.sql`. */
export const directories: Squashing = {
  changes: (request) => directoryOfFiles(request, squashedText(request.up, request.head)),
};

/** Returns the last of the migrations, whose place the squashed one takes. */
export function lastOf({ migrations }: Pick<SquashRequest, 'migrations'>): Migration {
  return migrations.at(-1) ?? migrations[0];
}

/**
 * Returns the name of the squashed migration: the number or time of the last one, whose place it takes,
 * with the title.
 */
export function squashedName(
  { title, ...request }: Pick<SquashRequest, 'migrations' | 'title'>,
  slug: string = slugOf(title),
): string {
  const { name } = lastOf(request);
  const stem = name.replace(/\.sql$/, '');
  const [, prefix, separator = '_'] = /^(\d{4}-\d\d-\d\d(?:T\d+)?|\d+)([-_.])?/.exec(stem) ?? [];
  return prefix === undefined ? `${stem}_${slug}` : `${prefix}${separator}${slug}`;
}

/** Returns the text of one direction. @param between the separator of the tool */
export function squashedText(
  parts: readonly SquashPart[],
  head: readonly string[] = [],
  between = '',
): string {
  const comments = head.map((line) => `-- ${line}\n`).join('');
  const bodies = parts.map(({ name, text }) => `-- ${name}\n${text}\n`);
  const separator = between ? `\n${between}\n` : '\n';
  return [...(comments ? [comments] : []), bodies.join(separator)].join('\n');
}

/** Returns the changes for a tool with a file for each direction, such as `0003_squashed.up.sql`. */
export function pairOfFiles(request: SquashRequest): FolderChanges {
  const name = squashedName(request);
  const { head, up, down } = request;
  return {
    add: {
      [`${name}.up.sql`]: squashedText(up, head),
      ...(down.length > 0 && { [`${name}.down.sql`]: squashedText(down) }),
    },
    replace: {},
    remove: filesOf(request),
  };
}

/** Returns the changes for a tool with one file for a migration. */
export function singleFile(request: SquashRequest, content: string): FolderChanges {
  return {
    add: { [`${squashedName(request)}.sql`]: content },
    replace: {},
    remove: filesOf(request),
  };
}

/**
 * Returns the changes for a tool with a directory for each migration.
 *
 * @param others text of further files in the directory, by name
 * @throws usage error when a directory has files that the tool does not know: they would be lost, or left
 *   in a directory that the tool rejects
 */
export function directoryOfFiles(
  request: SquashRequest,
  content: string,
  others: Record<string, string> = {},
): FolderChanges {
  const { directory, migrations, down } = request;
  const name = squashedName(request);
  const known = new Set(['migration.sql', 'down.sql', ...Object.keys(others)]);
  const present = migrations.flatMap(({ up }) =>
    readdirSync(dirname(up.file)).map((file) => `${dirname(up.file)}/${file}`),
  );
  const strangers = present.filter((file) => !known.has(basename(file)));
  if (strangers.length > 0)
    throw usageError(
      'SQUASH.OTHER_FILES',
      `${relative(directory, strangers[0] ?? '')} is not a file of the tool, and its directory would be removed. Nothing was changed.`,
      'Move it out of the migrations folder, and run the command again.',
      strangers.map((file) => relative(directory, file)),
    );
  return {
    add: {
      [`${name}/migration.sql`]: content,
      ...(down.length > 0 && { [`${name}/down.sql`]: squashedText(down) }),
      ...Object.fromEntries(
        Object.entries(others).map(([file, text]) => [`${name}/${file}`, text]),
      ),
    },
    replace: {},
    remove: present.map((file) => relative(directory, file)),
  };
}

/** Returns the files of the migrations, the last migration's at the end, relative to the folder. */
export function filesOf({
  directory,
  migrations,
}: Pick<SquashRequest, 'directory' | 'migrations'>) {
  const files = migrations.flatMap(({ up, down }) => [up.file, ...(down ? [down.file] : [])]);
  return [...new Set(files)]
    .filter((file) => existsSync(file))
    .map((file) => relative(directory, file));
}
