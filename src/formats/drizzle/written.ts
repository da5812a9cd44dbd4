import { randomUUID } from 'node:crypto';
import { dirname, relative } from 'node:path';
import { usageError } from '../../errors.ts';
import type { NewMigration } from '../format.ts';
import { slugOf } from '../shared/new-migration.ts';
import { readIfPresent } from '../shared/script.ts';
import { statements, type MigrationContent } from '../shared/written-migration.ts';

const breakpoint = '--> statement-breakpoint';

/** The text of a migration: Drizzle sends what is between two marks as one statement. */
export function drizzleText({ head, up }: Pick<MigrationContent, 'head' | 'up'>): string {
  return head.map((line) => `-- ${line}\n`).join('') + statements(up, breakpoint);
}

/**
 * A migration that changes nothing of what the last snapshot holds, such as the second half of one
 * that was cut in two: with the snapshot of the last one, so that drizzle-kit sees no difference.
 *
 * @throws usage error where the folder is not as drizzle-kit leaves it
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
  if (!last) throw usageError('FOLDER.EMPTY', `${directory} is empty.`, 'Name another folder.');
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
      'Name another folder.',
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
    // Written last: without its entry, a file is not there for Drizzle.
    'meta/_journal.json': `${JSON.stringify({ ...journal, entries }, null, 2)}\n`,
  };
}

/** The same schema as the state after the next migration. */
function successorOf(snapshot: string, previous: 'prevId' | 'prevIds'): string {
  const parsed: { id?: string } = JSON.parse(snapshot);
  if (parsed.id === undefined) return snapshot;
  const before = previous === 'prevId' ? parsed.id : [parsed.id];
  return `${JSON.stringify({ ...parsed, id: randomUUID(), [previous]: before }, null, 2)}\n`;
}
