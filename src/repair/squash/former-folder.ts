import { deltasBetween } from '../../catalog/deltas.ts';
import type { Migration } from '../../migration.ts';
import { snapshotsAfter } from '../../shadow/expected-catalog.ts';
import { isFaultOfFolder } from '../../shadow/replay-error.ts';
import { changesData, moduleChangesData } from '../../sql/changes-data.ts';
import { visitFormerFolders } from '../../sql/git-history.ts';
import { sameStatements } from '../../sql/same-statements.ts';
import { splitStatements } from '../../sql/statements.ts';
import { upSourceOf } from '../../text-file.ts';
import { matchRows } from '../rows.ts';
import {
  isInDatabase,
  openRows,
  rowsFor,
  type Found,
  type NamedRow,
  type SquashQuestion,
} from './replacement.ts';

/** A migration in the place of several others of an earlier folder. */
interface Candidate {
  squashed: Migration;
  /** Place of the squashed migration in the folder. */
  at: number;
  /** The earlier folder up to the last migration that is replaced. */
  former: Migration[];
  /** The migrations that are replaced. */
  block: Migration[];
  rows: NamedRow[];
}

/** Adds the migrations that produce the catalog of the files which git has in their place. */
export async function fromFormerFolders(asked: SquashQuestion, found: Found): Promise<void> {
  const { format, directory } = asked.folder;
  await visitFormerFolders(directory, async (copy, names) => {
    const { migrations: former } = format.read(copy, names);
    const candidate = candidateIn(asked, found, former);
    if (candidate && (await isProven(asked, candidate)))
      found.replacements.push({ squashed: candidate.squashed, rows: candidate.rows });
    return openRows(asked, found).length === 0;
  });
}

/** Returns the first file that differs from the earlier folder, where that has at least two recorded ones. */
function candidateIn(
  asked: SquashQuestion,
  found: Found,
  former: readonly Migration[],
): Candidate | undefined {
  const { migrations, tracking } = asked.folder;
  const isKept = (each: Migration) => migrations.some((other) => isSameFile(each, other));
  const at = migrations.findIndex((each, place) => !isSameFile(each, former[place]));
  const squashed = migrations[at];
  const judgement = asked.diagnosis.judgements.find((each) => each.migration === squashed);
  if (!squashed || !judgement || former.some((each) => isSameFile(each, squashed)))
    return undefined;
  if (!isInDatabase(judgement, asked)) return undefined;
  const pool = rowsFor(asked, found, squashed);
  const { owners } = matchRows(
    pool.map(({ row }) => row),
    former,
    tracking.rows,
  );
  const end = former.findIndex((each, place) => place >= at && (isKept(each) || !owners.has(each)));
  const block = former.slice(at, end < 0 ? former.length : end);
  const rows = block.flatMap((each) => pool.find(({ row }) => row === owners.get(each)) ?? []);
  if (block.length < 2 || rows.length !== block.length) return undefined;
  return { squashed, at, former: former.slice(0, at + block.length), block, rows };
}

function isSameFile(one: Migration, other: Migration | undefined): boolean {
  return one.name === other?.name && one.hash === other.hash;
}

/** Whether the file produces the same catalog, and changes no rows that the others do not change. */
async function isProven(asked: SquashQuestion, candidate: Candidate): Promise<boolean> {
  const { squashed, at, former, block } = candidate;
  if (!(await changesNoOtherRows(squashed, block))) return false;
  // A module outside of its project finds no packages.
  if ([squashed, ...former].some(({ up }) => up.kind === 'module'))
    return asked.diagnosis.unexplained.length === 0;
  try {
    const wanted = { ...asked.wanted, migrations: former };
    const [catalog = []] = await snapshotsAfter(wanted, [former.length]);
    const now = asked.diagnosis.states.snapshots[at + 1] ?? [];
    return deltasBetween(catalog, now).length === 0;
  } catch (error) {
    if (!isFaultOfFolder(error)) throw error;
    return false;
  }
}

/** Rows of the originals prove that their statements ran; a further statement may not have run. */
async function changesNoOtherRows(squashed: Migration, block: readonly Migration[]) {
  const source = upSourceOf(squashed);
  const sources = block.map(upSourceOf);
  if (squashed.up.kind === 'module')
    return !moduleChangesData(source) || sources.some((each) => moduleChangesData(each));
  const [statements, others] = await Promise.all([
    dataStatementsOf(source),
    Promise.all(sources.map(dataStatementsOf)).then((all) => all.flat()),
  ]);
  const known = await Promise.all(statements.map((each) => isAmong(each, others)));
  return known.every(Boolean);
}

async function isAmong(statement: string, others: readonly string[]): Promise<boolean> {
  for (const other of others) if (await sameStatements(statement, other)) return true;
  return false;
}

async function dataStatementsOf(source: string): Promise<string[]> {
  const statements = await splitStatements(source).catch(() => [{ sql: source }]);
  const changing = await Promise.all(statements.map(({ sql }) => changesData(sql)));
  return statements.flatMap(({ sql }, index) => (changing[index] ? [sql] : []));
}
