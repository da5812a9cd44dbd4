import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { usageError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Rollback } from './rollback.ts';
import { scriptOf } from './rollback-script.ts';

/**
 * Stores a derived rollback where the folder's tool has a place for it.
 *
 * @returns the file
 * @throws usage error when the tool has none, or it holds something already
 */
export function writeRollback(migration: Migration, rollback: Rollback, format: Format): string {
  const file = format.downFile?.(migration);
  if (!file || migration.up.kind === 'module')
    throw usageError(
      'ROLLBACK.NO_PLACE',
      `A folder of ${format.name} has no place for the rollback of ${migration.name}; nothing was written.`,
      'Keep it beside the folder: dbops migrate down --dry-run > rollback.sql',
    );
  const sql = `-- Derived by dbops from the catalogs before and after ${migration.name}.\n${scriptOf(rollback)}`;
  if (file !== migration.up.file) {
    if (existsSync(file)) throw isThere(file);
    writeFileSync(file, sql, { flag: 'wx' });
    return file;
  }
  const { sections } = format;
  if (!sections) throw isThere(file);
  writeFileSync(file, withDown(readFileSync(file, 'utf8'), sql, sections));
  return file;
}

function isThere(file: string) {
  return usageError(
    'ROLLBACK.EXISTS',
    `${file} is there already; nothing was written.`,
    'Take it away first, if it is not wanted.',
  );
}

/** Below its mark, which an empty section may have already. */
function withDown(
  source: string,
  sql: string,
  { up, down }: NonNullable<Format['sections']>,
): string {
  const marked = up.mark.test(source) ? source : `${up.line}\n${source}`;
  const found = down.mark.exec(marked);
  if (!found) return `${marked.trimEnd()}\n\n${down.line}\n${sql}`;
  const lineEnd = marked.indexOf('\n', found.index + found[0].length);
  const end = lineEnd < 0 ? marked.length : lineEnd;
  return `${marked.slice(0, end)}\n${sql}${marked.slice(end).trimEnd()}\n`;
}
