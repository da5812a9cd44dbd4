import type { Session } from '../db/session.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { ExpectedFact, Fact } from './fact.ts';
import { replay, type Replayed } from './replay.ts';
import { reparse } from './reparse.ts';
import { pinned, readCatalog, toFact, type CatalogRow } from './snapshot.ts';

/**
 * Replays migrations in a shadow and reads what they make. Which migration made an object is not
 * recorded anywhere, but every catalog row carries the transaction that wrote it (`xmin`).
 */
export async function expectedFacts(
  shadow: Session,
  migrations: readonly Migration[],
  format: Format,
): Promise<ExpectedFact[]> {
  const replayed = await replay(shadow, migrations, format);
  return inScratchTransaction(shadow, async () => {
    const rows = (await readCatalog(shadow)).flatMap((row) => {
      const migration = makerOf(row, replayed);
      return migration === undefined ? [] : [{ ...row, migration }];
    });
    const restored = await reparse(shadow, rows.map(toFact));
    return rows.map((row, at) => ({
      ...toFact(row),
      migration: row.migration,
      restored: restored[at] ?? row.definition,
    }));
  });
}

/**
 * Nothing for what the platform made.
 *
 * The ids in catalog rows have 32 bits and start again at 0: compared is how long ago they
 * were.
 */
function makerOf({ xid }: CatalogRow, replayed: readonly Replayed[]): string | undefined {
  const now = replayed.at(-1)?.endXid ?? 0n;
  const age = (id: bigint) => BigInt.asUintN(32, now - id);
  const maker = replayed.find(({ endXid }) => age(xid) > age(endXid));
  return maker ? maker.name : '';
}

/** A live fact beside the one that is expected in its place. */
export interface Pair {
  expected: ExpectedFact;
  live: Fact;
}

/** Whether one and the same parser reads both definitions of a pair alike. */
export function judge(shadow: Session, pairs: readonly Pair[]): Promise<boolean[]> {
  return inScratchTransaction(shadow, async () => {
    const parsed = await reparse(
      shadow,
      pairs.map(({ live }) => live),
    );
    return pairs.map(({ expected }, at) => parsed[at] === expected.restored);
  });
}

/** Runs `work` under the settings of a comparison, in a transaction that is always rolled back. */
async function inScratchTransaction<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.script(`BEGIN; ${pinned}`);
  try {
    return await work();
  } finally {
    await session.script('ROLLBACK');
  }
}
