import { replacedBy } from '../../sql/directives.ts';
import { upSourceOf } from '../../text-file.ts';
import { wordsOfRow } from '../rows.ts';
import {
  isInDatabase,
  rowsFor,
  type Found,
  type NamedRow,
  type SquashQuestion,
} from './replacement.ts';

/**
 * Adds the migrations that name the rows they replace, with `-- dbops: replaces NAME`, where all of these
 * rows are recorded: a migration that is not recorded may not have been applied, unless somebody vouches for
 * it.
 */
export function fromDirectives(asked: SquashQuestion, found: Found): void {
  for (const judgement of asked.diagnosis.judgements) {
    const { migration, orphan } = judgement;
    const lists = migration && !orphan ? replacedBy(upSourceOf(migration)) : [];
    if (!migration || lists.length === 0) continue;
    const byWord = rowsByWord(asked, rowsFor(asked, found, migration));
    const rows = lists.map(([name = '', ...earlier]) => rowsOf(byWord, name, earlier));
    const complete = rows.flatMap((each) => each ?? []);
    const missing = lists.filter((_, at) => !rows[at]).map(([name = '']) => name);
    if (complete.every(({ row }) => row === judgement.row)) continue;
    const reason = !isInDatabase(judgement, asked)
      ? `${migration.name} replaces it, but not all effects of ${migration.name} are in the catalog`
      : `${migration.name} replaces it, but also replaces ${missing.join(', ')}, which is not recorded`;
    const isKnown = missing.length === 0 || asked.assumed.has(migration.name);
    if (!isKnown || !isInDatabase(judgement, asked))
      for (const { name } of complete) found.left.set(name, { reason, squashed: migration });
    else found.replacements.push({ squashed: migration, rows: [...new Set(complete)] });
  }
}

function rowsByWord({ folder }: SquashQuestion, rows: readonly NamedRow[]): Map<string, NamedRow> {
  const form = folder.tracking.rows;
  return new Map(rows.flatMap((each) => wordsOfRow(each.row, form).map((word) => [word, each])));
}

/** The migration itself, or all those that it had replaced. */
function rowsOf(
  byWord: ReadonlyMap<string, NamedRow>,
  name: string,
  earlier: readonly string[],
): NamedRow[] | undefined {
  const own = byWord.get(name);
  if (own) return [own];
  const rows = earlier.map((each) => byWord.get(each));
  return rows.length > 0 && rows.every((each) => each !== undefined) ? rows : undefined;
}
