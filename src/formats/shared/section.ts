import type { SqlScript } from '../../migration.ts';

/** Whether a text holds nothing to run: white space and `--` comments only. */
export function isBlank(sql: string): boolean {
  return sql.replaceAll(/--.*/g, '').trim() === '';
}

/** Where in a file one direction stands. */
interface Section {
  /** Where the file's first mark is; comments above it (dbops' directives) are those of all sections. */
  head: number;
  start: number;
  end?: number | undefined;
}

/** One direction of a file that holds both; the lines of the other one are empty. */
export function sectionScript(
  file: string,
  source: string,
  { head, start, end }: Section,
): SqlScript {
  const above = source.slice(0, head);
  const header = isBlank(above) ? above : emptyLines(above);
  return {
    kind: 'sql',
    file,
    sql: header + emptyLines(source.slice(head, start)) + source.slice(start, end),
  };
}

function emptyLines(text: string): string {
  return text.replaceAll(/[^\n]+/g, '');
}
