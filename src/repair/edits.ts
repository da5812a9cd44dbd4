import { basename } from 'node:path';
import { deltasBetween } from '../catalog/deltas.ts';
import { snapshotsAfter } from '../shadow/expected-catalog.ts';
import type { Wanted } from '../shadow/replay-cache-key.ts';
import type { States } from '../shadow/catalog-history.ts';
import { DbopsError } from '../errors.ts';
import type { Folder, RowForm } from '../formats/format.ts';
import { changedMigration, type Migration } from '../migration.ts';
import { changesData } from '../sql/changes-data.ts';
import { editOf } from '../sql/edit-diff.ts';
import { formerFiles, renamedFiles, type FormerFile } from '../sql/git-history.ts';
import { sameStatements } from '../sql/same-statements.ts';
import { splitStatements } from '../sql/statements.ts';
import { hasContent, nameOfRow, type Matches, type Orphan, type TrackedRow } from './rows.ts';
import type { Edit } from './verdict.ts';

export interface EditQuestion {
  folder: Folder;
  wanted: Wanted;
  states: States;
  matches: Matches;
  /** Whether the live catalog has all that the file makes now, and nothing that no file makes. */
  isAllThere: (at: number) => boolean;
  mayChangeData: (migration: Migration) => boolean;
}

/** What was done to the recorded files whose content is another now, by name. */
export async function readEdits(question: EditQuestion): Promise<Map<string, Edit>> {
  const { folder, matches } = question;
  const edits = new Map<string, Edit>();
  for (const [at, migration] of folder.migrations.entries()) {
    const row = matches.owners.get(migration);
    const recorded = row && recordedHash(row, migration, folder.tracking.rows);
    if (row && recorded && !migration.isMissing)
      if (!hasContent(row, migration, folder.tracking.rows))
        edits.set(migration.name, await classify(question, migration, { at, recorded }));
  }
  return edits;
}

function recordedHash(row: TrackedRow, migration: Migration, form: RowForm): string | null {
  return form.contentOf?.(row.columns, migration) ?? null;
}

/**
 * Of the text that was applied only a hash is recorded. Where git has the text, it is replayed in
 * the file's place. Where it has not, the live catalog shows its effects, except those on rows.
 */
async function classify(
  question: EditQuestion,
  migration: Migration,
  { at, recorded }: { at: number; recorded: string },
): Promise<Edit> {
  const { hashOf } = question.folder.format;
  const edit = hashOf ? await editOf(migration, recorded, hashOf) : undefined;
  if (edit?.kind === 'white-space' || edit?.kind === 'comments') return 'equivalent';
  const isSame =
    edit?.text === undefined
      ? question.isAllThere(at) && !question.mayChangeData(migration)
      : await replaysAlike(question, edit.text, at);
  return isSame ? 'equivalent' : 'changed';
}

async function replaysAlike(
  { wanted, states }: EditQuestion,
  text: string,
  at: number,
): Promise<boolean> {
  const migration = wanted.migrations[at];
  if (migration?.up.kind !== 'sql') return false;
  const { up } = migration;
  if (!(await changesRowsAlike(up.sql, text))) return false;
  const former = changedMigration(migration, { up: { kind: 'sql', file: up.file, sql: text } });
  const migrations = [...wanted.migrations.slice(0, at), former];
  try {
    const [after = []] = await snapshotsAfter({ ...wanted, migrations }, [at + 1]);
    return deltasBetween(states.snapshots[at + 1] ?? [], after).length === 0;
  } catch (error) {
    if (error instanceof DbopsError) return false;
    throw error;
  }
}

async function changesRowsAlike(one: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([one, other].map(dataStatementsOf));
  return left !== undefined && right !== undefined && sameStatements(left, right);
}

async function dataStatementsOf(sql: string): Promise<string> {
  const statements = await splitStatements(sql);
  const changing = await Promise.all(statements.map(({ sql: text }) => changesData(text)));
  return statements.flatMap(({ sql: text }, at) => (changing[at] ? [`${text};`] : [])).join('\n');
}

/** Where git still has the file that a row without one was of, by the row. */
export async function readFormerFiles(
  { format, directory, tracking, migrations }: Folder,
  orphans: readonly Orphan[],
): Promise<Map<TrackedRow, FormerFile>> {
  const found = new Map<TrackedRow, FormerFile>();
  const [any] = migrations;
  const hashes = new Map<string, TrackedRow>();
  for (const { row, migration } of orphans) {
    const hash = any && !migration && recordedHash(row, any, tracking.rows);
    if (hash) hashes.set(hash, row);
  }
  if (hashes.size === 0 || !format.hashOf) return found;
  for await (const file of formerFiles(directory)) {
    const row = hashes.get(format.hashOf(file.text));
    if (row && !found.has(row)) found.set(row, file);
  }
  return found;
}

/** Gives rows whose file git shows as renamed, and as the same text, to the file of the new name. */
export async function matchRenamedFiles(
  matches: Matches,
  { directory, migrations, tracking }: Folder,
): Promise<Matches> {
  const isOpen = ({ by }: Orphan) => by !== 'content';
  if (!matches.orphans.some(isOpen)) return matches;
  const renamed = await renamedFiles(directory);
  const present = new Map([...renamed].map(([before, after]) => [stemOf(before), stemOf(after)]));
  const free = new Map(
    migrations
      .filter((each) => !each.isMissing && !matches.owners.has(each) && !matches.failed.has(each))
      .map((each) => [stemOf(each.up.file), each]),
  );
  const found = new Map<TrackedRow, Migration>();
  for (const { row } of matches.orphans.filter(isOpen)) {
    const migration = free.get(present.get(stemOf(nameOfRow(row, tracking.rows))) ?? '');
    if (migration) found.set(row, migration);
  }
  const taken = new Set(found.values());
  const orphans = matches.orphans.map((orphan): Orphan => {
    const migration = found.get(orphan.row);
    if (migration) return { row: orphan.row, migration, by: 'content' };
    return orphan.migration && taken.has(orphan.migration) ? { row: orphan.row } : orphan;
  });
  return { ...matches, orphans };
}

/** Some tools record a file's name with its ending, others without. */
function stemOf(file: string): string {
  return basename(file).replace(/\.[cm]?[jt]s$|(?:\.up)?\.sql$/, '');
}

/** Gives rows whose former file says what a free file says now to that file. */
export async function matchFormerFiles(
  matches: Matches,
  migrations: readonly Migration[],
  former: ReadonlyMap<TrackedRow, FormerFile>,
): Promise<Matches> {
  const taken = new Set([
    ...matches.owners.keys(),
    ...matches.failed.keys(),
    ...matches.orphans.map(({ migration }) => migration),
  ]);
  const orphans: Orphan[] = [];
  for (const orphan of matches.orphans) {
    const text = former.get(orphan.row)?.text;
    const owner =
      text === undefined || orphan.migration
        ? undefined
        : await sameAmong(
            migrations.filter((each) => !taken.has(each)),
            text,
          );
    if (owner) taken.add(owner);
    orphans.push(owner ? { ...orphan, migration: owner, by: 'content' } : orphan);
  }
  return { ...matches, orphans };
}

async function sameAmong(
  migrations: readonly Migration[],
  text: string,
): Promise<Migration | undefined> {
  for (const migration of migrations)
    if (migration.up.kind === 'sql' && !migration.isMissing)
      if (await sameStatements(migration.up.sql, text)) return migration;
  return undefined;
}
