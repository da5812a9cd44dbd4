import { existsSync, readdirSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { readText } from '../text-file.ts';

/** A line `-- word: text` or `-- word name: text` above the first statement. */
export interface HeaderLine {
  word: string;
  name?: string;
  text: string;
}

/** An SQL file beside the configuration, and what its header declares. */
export interface SqlFile {
  /** The name of the file without `.sql`. */
  name: string;
  path: string;
  /** The path from the folder of the configuration, for messages. */
  place: string;
  sql: string;
  header: HeaderLine[];
}

/**
 * Returns the `*.sql` files of a folder beside the configuration, by name; none where the folder does not exist.
 *
 * @throws usage error for a file that is not text
 */
export function sqlFilesIn(root: string, folder: string): SqlFile[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  const names = readdirSync(path).filter((name) => name.endsWith('.sql'));
  return names.toSorted().map((name) => readSqlFile(root, join(path, name)));
}

/** Reads one SQL file. @throws usage error for a file that does not exist or is not text */
export function readSqlFile(root: string, path: string): SqlFile {
  const sql = readText(path).replace(/^\uFEFF/, '');
  const place = relative(root, path);
  return { name: basename(path, '.sql'), path, place, sql, header: headerOf(sql) };
}

/** Returns the header of SQL: `-- severity: error`. Words of a header are in lower case. */
export function headerOf(sql: string): HeaderLine[] {
  const lines = sql.split('\n');
  const end = lines.findIndex((line) => !/^\s*(?:--.*)?$/.test(line.trimEnd()));
  return (end < 0 ? lines : lines.slice(0, end)).flatMap((line) => {
    const [, word, name, text] =
      /^\s*--\s*([a-z]+)(?:[ \t]+(\w+))?[ \t]*:[ \t]+(.*?)\s*$/.exec(line) ?? [];
    return word && text ? [{ word, ...(name && { name }), text }] : [];
  });
}
