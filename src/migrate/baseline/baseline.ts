import { comparableOf, expectedOf, type Surroundings } from '../../catalog/scope.ts';
import {
  differencesOf,
  isDifferenceIgnored,
  judgeIn,
  type Difference,
} from '../../catalog/differences.ts';
import { scratchSnapshot } from '../../shadow/shadow-snapshot.ts';
import { inScratchTransaction, keyOfObject } from '../../catalog/snapshot.ts';
import type { SchemaObject } from '../../catalog/kinds/kind.ts';
import { Probes } from './probes.ts';
import { prepare, replayOne } from '../../shadow/replay.ts';
import { quoteLiteral } from '../../db/quote.ts';
import { transaction, type Session } from '../../db/session.ts';
import type { Folder, Format, TrackingRow } from '../../formats/format.ts';
import type { Migration } from '../../migration.ts';

/** A prefix of the folder, and the differences between its catalog and the live one. */
export interface Prefix {
  length: number;
  differences: Difference[];
}

export interface BaselineProof {
  /** Lengths of all prefixes without differences, ascending. */
  exact: number[];
  /**
   * Length of the shortest exact prefix that produces as many objects as any: later files changed
   * nothing in the catalog. 0 when no prefix is exact.
   */
  proven: number;
  /** The compared prefix with the fewest differences. */
  nearest: Prefix;
  /** The prefix of all migrations. */
  whole: Prefix;
}

interface PrefixRequest {
  shadow: Session;
  /** The whole catalog of the database. */
  live: readonly SchemaObject[];
  surroundings: Surroundings;
  migrations: readonly Migration[];
  format: Format;
  onReplay: (migration: Migration, at: number) => void;
}

/**
 * Replays migrations one by one and compares the resulting catalog with the live one.
 *
 * A full comparison after each file would take quadratic time. Each failed comparison yields a
 * probe, an object that differed, and a file is compared in full only when it passes all probes:
 * about ten times for a thousand files.
 *
 * @throws DbopsError naming the migration that does not replay
 */
export async function findPrefix(question: PrefixRequest): Promise<BaselineProof> {
  const { shadow, live, migrations, onReplay } = question;
  const { format } = question;
  const surroundings = await openReplay(question);
  const probes = new Probes();
  const compared: Comparison[] = [];
  for (const [at, migration] of migrations.entries()) {
    onReplay(migration, at);
    await replayOne(shadow, migration, format);
    const length = at + 1;
    const isLast = length === migrations.length;
    if (!isLast && !(await probes.pass(shadow))) continue;
    const { comparable, ...found } = await compareAll(shadow, live, surroundings);
    if (found.differences.length > 0) probes.learn(found.differences, comparable);
    compared.push({ length, ...found });
  }
  return proofOf(compared);
}

interface Comparison extends Prefix {
  /**
   * Number of objects that the prefix creates. Exact prefixes differ in objects that are not
   * compared: extensions, publications, and objects in a platform's schemas.
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

/** Prepares the shadow as a new database of the platform, before the first migration. */
async function openReplay({ shadow, format, surroundings }: PrefixRequest) {
  if (!format.platform && !format.prelude && !format.connection) return surroundings;
  await prepare(shadow, format);
  const objects = await scratchSnapshot(shadow);
  return { ...surroundings, given: new Set(objects.map(keyOfObject)) };
}

async function compareAll(
  shadow: Session,
  live: readonly SchemaObject[],
  surroundings: Surroundings,
): Promise<Omit<Comparison, 'length'> & { comparable: readonly SchemaObject[] }> {
  const expected = expectedOf(await scratchSnapshot(shadow), surroundings);
  const comparable = comparableOf(live, expected, surroundings);
  const all = await inScratchTransaction(shadow, () =>
    differencesOf(expected, comparable, judgeIn(shadow)),
  );
  const differences = all.filter((each) => !isDifferenceIgnored(each, surroundings.scope));
  return { differences, objects: expected.length, comparable };
}

/** Writes the tracking rows of migrations in one transaction. */
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

/**
 * Deletes checkpoints that are older than the tracking rows: they belong to another state of the
 * database.
 */
async function dropCheckpoints(session: Session, table: string): Promise<void> {
  const found = await session.query(usableCheckpoints);
  if (found.length === 0) return;
  await session.script(`DELETE FROM dbops.checkpoints WHERE tracking = ${quoteLiteral(table)}`);
}

/**
 * to_regclass() fails where the role has no USAGE on the schema, and the tool's own role may lack
 * it.
 */
const usableCheckpoints = `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'dbops' AND c.relname = 'checkpoints'
    AND has_schema_privilege(n.oid, 'USAGE')
    AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'DELETE')`;
