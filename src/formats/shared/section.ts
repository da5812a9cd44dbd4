import type { SqlScript } from '../../migration.ts';

/** Returns whether a text has only white space and `--` comments. */
export function isBlank(sql: string): boolean {
  return sql.replaceAll(/--.*/g, '').trim() === '';
}

/** The position of one direction in a file. */
interface Section {
  /** The position of the first mark; comments above it (directives of dbops) belong to all sections. */
  head: number;
  start: number;
  end?: number | undefined;
}

/** Returns one direction of a file; the lines of the other are emptied, so that line numbers stay. */
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
