import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
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
import { hasStatement } from '../sql/statements.ts';

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
  const { split } = request;
  // Every statement needs the backfill, or no long lock: the migration itself becomes the contract.
  if (split.expand.length === 0) return { ...definitionFiles(request), ...ownContract(request) };
  return { ...definitionFiles(request), ...contractFiles(request), ...expandFiles(request) };
}

function ownContract(request: SplitRequest) {
  const { folder, migration, split, rollback } = request;
  const content = contractOf(request);
  const down = rollback && [...split.undo, ...rollback];
  return replacedFiles(folder, migration, { ...content, down: down ?? [] }, down !== undefined);
}

function contractOf({ migration: { name }, split, backfills }: SplitRequest): MigrationContent {
  return {
    head: [
      ...[...backfills.keys()].map((each) => `dbops: requires-backfill ${each}`),
      'dbops: no-transaction',
      `Enforces what ${name} requires of every row${backfills.size > 0 ? ', after the backfill' : ''}. Each statement runs in its`,
      'own transaction, and none blocks reads or writes for long.',
    ],
    up: split.contract,
    down: split.undo,
    isStepwise: true,
  };
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

/** A migration that dbops adds behind the one that it replaces. */
export interface LaterFile {
  /** What its title has after that of the replaced one. */
  suffix: string;
  content: MigrationContent;
}

function contractFiles(request: SplitRequest) {
  const {
    folder,
    migration: { name },
    split,
    now,
  } = request;
  const hasSwap = split.swap.length > 0;
  const content = contractOf(request);
  const swap: MigrationContent = {
    head: [
      ...(split.keepsValues ? ['dbops: no-rescue'] : []),
      ...split.allowed,
      `Completes ${name} in one short transaction: the new column replaces the old one, whose values are`,
      'dropped. Apply it when no running version of the application uses the old column.',
    ],
    up: split.swap,
    down: [],
    isStepwise: false,
  };
  const prepared = { suffix: hasSwap ? 'prepare' : 'contract', content };
  const files = hasSwap ? [prepared, { suffix: 'contract', content: swap }] : [prepared];
  const written = laterFiles(folder, { replaced: name, files, now });
  if (written) return written;
  throw usageError(
    'EXPAND.FORMAT',
    `dbops cannot write ${folder.format.name} migrations.`,
    'Write the files by hand; see docs/backfill.md.',
  );
}

/**
 * Returns the files of migrations that sort last, text by absolute path; undefined where dbops cannot write
 * the format. Each depends on the one before it, such as a journal: they are written to a copy of the folder.
 */
export function laterFiles(
  folder: Folder,
  { replaced, files, now }: { replaced: string; files: readonly LaterFile[]; now: Date },
): SplitFiles | undefined {
  const slug = slugOf(replaced.replace(/^[\d_-]+/, '')) || 'migration';
  const copy = mkdtempSync(join(tmpdir(), 'dbops-files-'));
  try {
    const directory = join(copy, 'migrations');
    cpSync(folder.directory, directory, { recursive: true });
    const written: Record<string, string> = {};
    for (const [at, file] of files.entries()) {
      const title = `${slug}_${file.suffix}`;
      const later = new Date(now.valueOf() + at * 1_000);
      const own = filesOfOne({ ...folder, directory }, { title, now: later }, file.content);
      if (Object.keys(own).length === 0) return undefined;
      for (const [path, text] of Object.entries(own)) {
        mkdirSync(dirname(join(directory, path)), { recursive: true });
        writeFileSync(join(directory, path), text);
        // Without a rollback of its own, the one of a part is derived.
        if (hasStatement(text)) written[join(folder.directory, path)] = text;
      }
    }
    return written;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Returns text by path below the folder; none where dbops cannot write the format. */
function filesOfOne(
  { format, directory }: Folder,
  named: Pick<NewMigration, 'title' | 'now'>,
  content: MigrationContent,
) {
  const { migrations } = format.read(directory, readdirSync(directory));
  const request = { migrations, ...named, module: false };
  return format.writtenFiles
    ? format.writtenFiles(directory, request, content)
    : fillFiles(format.newFiles?.(request) ?? {}, content);
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
