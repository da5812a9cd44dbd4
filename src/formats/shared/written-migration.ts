/** The SQL of both directions of a migration that dbops writes itself. */
export interface MigrationContent {
  /** Comments at the top, without their dashes: directives, and what it is for. */
  head: readonly string[];
  up: readonly string[];
  /** Nothing where the tool has no rollbacks. */
  down: readonly string[];
  /** Its statements can't share a transaction. */
  isStepwise: boolean;
}

/**
 * The files of a new migration, filled.
 *
 * @param empty as the format begins them: text by path
 */
export function fillFiles(empty: Readonly<Record<string, string>>, content: MigrationContent) {
  const files = Object.entries(empty).map(([path, text]) => [path, fill(path, text, content)]);
  return Object.fromEntries(files) as Record<string, string>;
}

function fill(
  path: string,
  text: string,
  { head, up, down, isStepwise }: MigrationContent,
): string {
  const comments = head.map((line) => `-- ${line}\n`).join('');
  if (/\bdown\.sql$/.test(path)) return `${text}\n${statements(down)}`;
  if (text.startsWith('-- migrate:up')) {
    const option = isStepwise ? ' transaction:false' : '';
    return `-- migrate:up${option}\n${comments}\n${statements(up)}\n-- migrate:down${option}\n\n${statements(down)}`;
  }
  if (text.startsWith('-- Up Migration'))
    return `-- Up Migration\n${comments}\n${statements(up)}\n-- Down Migration\n\n${statements(down)}`;
  return `${comments}\n${statements(up)}`;
}

/** One below the other. @param between what the tool cuts a file at */
export function statements(sql: readonly string[], between = ''): string {
  return sql.map((each) => `${each.replace(/;\s*$/, '')};\n`).join(between ? `${between}\n` : '\n');
}
