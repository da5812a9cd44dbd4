import { dirname, relative } from 'node:path';
import { usageError } from '../../errors.ts';
import type { NewMigration } from '../format.ts';
import { slugOf } from '../shared/new-migration.ts';
import { readIfPresent } from '../shared/script.ts';
import { statements, type MigrationContent } from '../shared/written-migration.ts';

/** Drizzle splits a file at every such line. */
export const breakpoint = '--> statement-breakpoint';

/** Returns the text of a migration: Drizzle sends the text between two markers as one statement. */
export function drizzleText({ head, up }: Pick<MigrationContent, 'head' | 'up'>): string {
  return head.map((line) => `-- ${line}\n`).join('') + statements(up, breakpoint);
}

/**
 * Returns the files of a migration whose schema is that of the last snapshot, such as the second half
 * of a split one. It repeats that snapshot, so that drizzle-kit sees no difference.
 *
 * @throws usage error when the folder has no migrations
 */
export function writtenMigration(
  directory: string,
  { migrations, title, now }: NewMigration,
  content: MigrationContent,
): Record<string, string> {
  const last = migrations.at(-1);
  const journal = `${directory}/meta/_journal.json`;
  const text = readIfPresent(journal);
  if (last && text !== undefined) return ofVersion0(text, { directory, title, now }, content);
  if (!last)
    throw usageError(
      'FOLDER.EMPTY',
      `${directory} is empty.`,
      'Pass another folder with --migrations DIR.',
    );
  const dated = [now, new Date(now.valueOf() + 1_000)].map((each) =>
    each.toISOString().replaceAll(/\D/g, '').slice(0, 14),
  );
  const name = `${dated.find((each) => each > last.name.slice(0, 14)) ?? next(last.name)}_${slugOf(title)}`;
  const snapshot = readIfPresent(`${dirname(last.up.file)}/snapshot.json`);
  return {
    [`${name}/migration.sql`]: drizzleText(content),
    ...(content.down.length > 0 && { [`${name}/down.sql`]: statements(content.down) }),
    ...(snapshot !== undefined && { [`${name}/snapshot.json`]: successorOf(snapshot, 'prevIds') }),
  };
}

function next(name: string): string {
  return String(BigInt(name.slice(0, 14)) + 1n);
}

interface Journal {
  entries: { idx: number; version?: string; when: number; tag: string; breakpoints?: boolean }[];
}

function ofVersion0(
  text: string,
  { directory, title, now }: { directory: string; title: string; now: Date },
  content: MigrationContent,
): Record<string, string> {
  const journal: Journal = JSON.parse(text);
  const last = journal.entries.at(-1);
  if (!last)
    throw usageError(
      'FOLDER.EMPTY',
      `${relative(process.cwd(), directory)} is empty.`,
      'Pass another folder with --migrations DIR.',
    );
  const idx = last.idx + 1;
  const number = (of: number) => String(of).padStart(4, '0');
  const tag = `${number(idx)}_${slugOf(title)}`;
  const entry = { ...last, idx, when: Math.max(now.valueOf(), last.when + 1), tag };
  const entries = [...journal.entries, entry];
  const snapshot = readIfPresent(`${directory}/meta/${number(last.idx)}_snapshot.json`);
  return {
    [`${tag}.sql`]: drizzleText(content),
    ...(content.down.length > 0 && { [`${tag}.down.sql`]: statements(content.down) }),
    ...(snapshot !== undefined && {
      [`meta/${number(idx)}_snapshot.json`]: successorOf(snapshot, 'prevId'),
    }),
    // Written last: Drizzle ignores a file without an entry.
    'meta/_journal.json': `${JSON.stringify({ ...journal, entries }, null, 2)}\n`,
  };
}

/** Returns the snapshot of the next migration, with the same schema. */
function successorOf(snapshot: string, previous: 'prevId' | 'prevIds'): string {
  const parsed: { id?: string } = JSON.parse(snapshot);
  if (parsed.id === undefined) return snapshot;
  const before = previous === 'prevId' ? parsed.id : [parsed.id];
  return `${JSON.stringify({ ...parsed, id: crypto.randomUUID(), [previous]: before }, null, 2)}\n`;
}
