import type { Migration } from '../migration.ts';
import { versionsOf } from './git-history.ts';
import { sameStatements } from './same-statements.ts';
import { readInAnyEncoding } from '../text-file.ts';

/** How a file differs from the applied version. */
export interface FileEdit {
  kind: 'white-space' | 'comments' | 'content' | 'unknown';
  /** The git commit with the applied version, if found. */
  commit?: string;
  /** The applied text, if found. */
  text?: string;
}

/**
 * Returns what an edit changed. Only a hash of the applied text is recorded, so the text is searched
 * for: first among other line endings and white space, then in the git history.
 *
 * @param hashOf the format's hash of a text
 */
export async function editOf(
  { up }: Migration,
  recordedHash: string,
  hashOf: (source: string) => string,
): Promise<FileEdit> {
  const isApplied = (text: string) =>
    spellingsOf(text).some((each) => hashOf(each) === recordedHash);
  const now = readInAnyEncoding(up.file);
  if (isApplied(now)) return { kind: 'white-space' };
  for await (const { commit, text } of versionsOf(up.file)) {
    if (!isApplied(text)) continue;
    const isSame = up.kind === 'sql' && (await sameStatements(text, now));
    return { kind: isSame ? 'comments' : 'content', commit, text };
  }
  return { kind: 'unknown' };
}

/** Returns the text with other line endings, another end and a BOM. */
function spellingsOf(text: string): string[] {
  const plain = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const ends = [plain, plain.trimEnd(), `${plain.trimEnd()}\n`];
  const lines = ends.flatMap((each) => [each, each.replaceAll('\n', '\r\n')]);
  return lines.flatMap((each) => [each, `\uFEFF${each}`]);
}
