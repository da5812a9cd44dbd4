import { changesData } from '../../sql/changes-data.ts';
import {
  isInDatabase,
  rowsFor,
  type Found,
  type NamedRow,
  type SquashQuestion,
} from './replacement.ts';

/**
 * Adds the migrations that contain the texts of which rows record a hash, such as files that were
 * concatenated. What is between these texts may change no rows, because it may not have been applied.
 */
export async function fromRecordedTexts(asked: SquashQuestion, found: Found): Promise<void> {
  const { format, tracking } = asked.folder;
  const { hashOf } = format;
  for (const judgement of hashOf ? asked.diagnosis.judgements : []) {
    const { migration, orphan, row, verdict } = judgement;
    const isNew = !row || verdict.startsWith('edited');
    if (!hashOf || migration?.up.kind !== 'sql' || orphan || !isNew) continue;
    if (!isInDatabase(judgement, asked)) continue;
    const pool = rowsFor(asked, found, migration);
    const hashes = new Map<string, NamedRow>();
    for (const each of pool) {
      const hash = tracking.rows.contentOf?.(each.row.columns, migration);
      if (hash) hashes.set(hash, each);
    }
    if (hashes.size < 2) continue;
    const { rows, rest } = textsIn(migration.up.sql, hashes, hashOf);
    const isSquash = rows.length > 1 && !(await changesData(rest));
    if (isSquash) found.replacements.push({ squashed: migration, rows });
  }
}

/** Maximum number of characters that are hashed for one file; a second of work. */
const mostHashed = 200_000_000;

/**
 * Finds texts of whole lines by their hashes, one after another. A text may have lost, or got, the line feed
 * at its end.
 *
 * @returns the rows of the texts, in order, and the rest of the source
 */
function textsIn(
  source: string,
  hashes: ReadonlyMap<string, NamedRow>,
  hashOf: (text: string) => string,
): { rows: NamedRow[]; rest: string } {
  const lines = source.split('\n');
  const rows: NamedRow[] = [];
  const rest: string[] = [];
  let hashed = 0;
  const endFrom = (start: number): { end: number; row: NamedRow } | undefined => {
    let text = '';
    for (let end = start; end < lines.length && hashed < mostHashed; end++) {
      text += lines[end] ?? '';
      hashed += 2 * text.length;
      const row = hashes.get(hashOf(text)) ?? hashes.get(hashOf(`${text}\n`));
      if (row && !rows.includes(row)) return { end, row };
      text += '\n';
    }
    return undefined;
  };
  for (let at = 0; at < lines.length; at++) {
    const text = endFrom(at);
    if (text) {
      rows.push(text.row);
      at = text.end;
    } else rest.push(lines[at] ?? '');
  }
  return { rows, rest: rest.join('\n') };
}
