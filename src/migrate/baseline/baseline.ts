import { comparableOf, expectedOf, type Surroundings } from '../../catalog/scope.ts';
import { differencesOf, judgeIn, type Difference } from '../../catalog/differences.ts';
import { scratchSnapshot } from '../../shadow/shadow-snapshot.ts';
import { inScratchTransaction, keyOfObject } from '../../catalog/snapshot.ts';
import type { SchemaObject } from '../../catalog/kinds/kind.ts';
import { Probes } from './probes.ts';
import { prepare, replayOne } from '../../shadow/replay.ts';
import { quoteLiteral } from '../../db/quote.ts';
import { transaction, type Session } from '../../db/session.ts';
import type { Folder, Format, TrackingRow } from '../../formats/format.ts';
import type { Migration } from '../../migration.ts';

/** So many migrations of the folder, and what the live database has otherwise than they make. */
export interface Prefix {
  length: number;
  differences: Difference[];
}

export interface BaselineProof {
  /** Lengths of all prefixes that are exact, ascending. */
  exact: number[];
  /**
   * Length of the shortest exact prefix that accounts for as much of the database as any: files
   * after it left no trace in the catalog. 0 when none is exact.
   */
  proven: number;
  /** The one with the fewest differences, of those that were compared. */
  nearest: Prefix;
  /** All migrations. */
  whole: Prefix;
}

interface Question {
  shadow: Session;
  /** The whole catalog of the database. */
  live: readonly SchemaObject[];
  surroundings: Surroundings;
  migrations: readonly Migration[];
  format: Format;
  onReplay: (migration: Migration, at: number) => void;
}

/**
 * Replays migrations one by one and compares what they make with the live catalog.
 *
 * A complete comparison after each file would cost the square of their number. Each comparison
 * that fails gives a probe, an object that told the two apart, and a file is compared completely
 * only when it passes all probes: some ten times for a thousand files.
 *
 * @throws DbopsError naming the migration that does not replay
 */
export async function findPrefix(question: Question): Promise<BaselineProof> {
  const { shadow, live, migrations, onReplay } = question;
  const { format } = question;
  const surroundings = await openReplay(question);
  const probes = new Probes(live);
  const compared: Comparison[] = [];
  for (const [at, migration] of migrations.entries()) {
    onReplay(migration, at);
    await replayOne(shadow, migration, format);
    const length = at + 1;
    const isLast = length === migrations.length;
    if (!isLast && !(await probes.pass(shadow))) continue;
    const comparison = { length, ...(await compareAll(shadow, live, surroundings)) };
    if (comparison.differences.length > 0) probes.learn(comparison.differences);
    compared.push(comparison);
  }
  return proofOf(compared);
}

interface Comparison extends Prefix {
  /**
   * How many objects the prefix makes. Exact prefixes differ in it by what is not missed in them:
   * extensions, publications, and what is in a platform's schemas.
   */
  objects: number;
}

function proofOf(compared: readonly Comparison[]): BaselineProof {
  const none: Prefix = { length: 0, differences: [] };
  const exact = compared.filter(({ differences }) => differences.length === 0);
  const most = Math.max(...exact.map(({ objects }) => objects));
  const fewest = Math.min(...compared.map(({ differences }) => differences.length));
  return {
    exact: exact.map(({ length }) => length),
    proven: exact.find(({ objects }) => objects === most)?.length ?? 0,
    nearest: compared.findLast(({ differences }) => differences.length === fewest) ?? none,
    whole: compared.at(-1) ?? none,
  };
}

/** Makes the shadow what a new database of the platform is; the migrations then come one by one. */
async function openReplay({ shadow, format, surroundings }: Question) {
  if (!format.platform && !format.connection) return surroundings;
  await prepare(shadow, format);
  const objects = await scratchSnapshot(shadow);
  return { ...surroundings, given: new Set(objects.map(keyOfObject)) };
}

async function compareAll(
  shadow: Session,
  live: readonly SchemaObject[],
  surroundings: Surroundings,
): Promise<Omit<Comparison, 'length'>> {
  const expected = expectedOf(await scratchSnapshot(shadow), surroundings);
  const comparable = comparableOf(live, expected, surroundings);
  const differences = await inScratchTransaction(shadow, () =>
    differencesOf(expected, comparable, judgeIn(shadow)),
  );
  return { differences, objects: expected.length };
}

/** Writes the tracking rows of migrations that were found in the database. All or none. */
export async function recordBaseline(
  session: Session,
  { tracking }: Folder,
  migrations: readonly Migration[],
): Promise<void> {
  await transaction(session, async () => {
    await session.script(tracking.create);
    const { prepare: shared } = tracking;
    const [prepared = {}] = shared ? await session.query<TrackingRow>(shared) : [];
    const marks = migrations.map(
      (migration, index) =>
        tracking.mark?.(migration, prepared, index) ?? tracking.record(migration, prepared),
    );
    await session.script(marks.join(';\n'));
    await dropCheckpoints(session, tracking.table);
  });
}

/** What was cut off before there were rows is of another state of the database. */
async function dropCheckpoints(session: Session, table: string): Promise<void> {
  const found = await session.query(usableCheckpoints);
  if (found.length === 0) return;
  await session.script(`DELETE FROM dbops.checkpoints WHERE tracking = ${quoteLiteral(table)}`);
}

/** to_regclass() fails where the schema may not be used, and the tool's own role need not. */
const usableCheckpoints = `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'dbops' AND c.relname = 'checkpoints'
    AND has_schema_privilege(n.oid, 'USAGE')
    AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'DELETE')`;
