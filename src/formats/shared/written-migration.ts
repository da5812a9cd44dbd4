/** The SQL of both directions of a migration that dbops writes. */
export interface MigrationContent {
  /** Comments at the top, without dashes: directives and the purpose. */
  head: readonly string[];
  up: readonly string[];
  /** Empty where the tool has no rollbacks. */
  down: readonly string[];
  /** Whether its statements cannot share a transaction. */
  isStepwise: boolean;
}

/**
 * Returns the files of a new migration with its SQL.
 *
 * @param empty the files that `newFiles` returns: text by path
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
  const above = comments && `${comments}\n`;
  if (/\bdown\.sql$/.test(path)) return `${text}\n${statements(down)}`;
  if (text.startsWith('-- migrate:up')) {
    const option = isStepwise ? ' transaction:false' : '';
    return `-- migrate:up${option}\n${above}${statements(up)}\n-- migrate:down${option}\n\n${statements(down)}`;
  }
  if (text.startsWith('-- Up Migration'))
    return `-- Up Migration\n${above}${statements(up)}\n-- Down Migration\n\n${statements(down)}`;
  return above + statements(up);
}

/** Returns the statements as text. @param between the separator of the tool */
export function statements(sql: readonly string[], between = ''): string {
  return sql.map((each) => `${each.replace(/;\s*$/, '')};\n`).join(between ? `${between}\n` : '\n');
}
