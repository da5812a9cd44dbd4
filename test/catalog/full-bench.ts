import { comparableOf, expectedOf } from '../../src/catalog/objects/application.ts';
import { readPinned } from '../../src/catalog/compare.ts';
import { differencesOf, type Difference } from '../../src/catalog/objects/differences.ts';
import {
  fullSnapshot,
  inScratchTransaction,
  objectName,
} from '../../src/catalog/objects/snapshot.ts';
import type { SchemaObject } from '../../src/catalog/objects/kinds/kind.ts';
import { replay } from '../../src/catalog/replay.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { readFolder } from '../../src/formats/index.ts';

const options = { application: 'dbops test' };

/** A shadow that has the migrations of a folder, for many comparisons in a short time. */
export interface FullBench {
  /** The differences of a database, as `different column id on public.users: type`. */
  differences(url: string): Promise<string[]>;
  /** The same after statements that are rolled back. */
  differencesAfter(live: Session, sql: string): Promise<string[]>;
  close(): Promise<void>;
}

/** Replays a folder in the embedded Postgres. */
export async function openFullBench(folder: string): Promise<FullBench> {
  const { migrations, format, tracking } = readFolder({ migrations: folder, root: folder });
  const shadow = await openSession({ kind: 'pglite', directory: null }, options);
  await replay(shadow, migrations, format);
  const surroundings = {
    toolTables: tracking.tables,
    platformSchemas: [],
    given: new Set<string>(),
  };
  const expected = await inScratchTransaction(shadow, async () =>
    expectedOf(await fullSnapshot(shadow), surroundings),
  );
  const judge = (live: readonly SchemaObject[]) =>
    inScratchTransaction(shadow, () =>
      differencesOf(expected, comparableOf(live, expected, surroundings), shadow),
    );
  return {
    async differences(url) {
      const live = await openSession(parseTarget(url), options);
      try {
        return (await judge(await readPinned(live, () => fullSnapshot(live)))).map(describe);
      } finally {
        await live.close();
      }
    },
    async differencesAfter(live, sql) {
      const found = await inScratchTransaction(live, async () => {
        await live.script(`SET LOCAL search_path = public; ${sql}; SET LOCAL search_path = ''`);
        return fullSnapshot(live);
      });
      return (await judge(found)).map(describe);
    },
    close: () => shadow.close(),
  };
}

function describe(difference: Difference): string {
  const { change, object } = difference;
  const head = `${change} ${object.kind} ${objectName(object)}`;
  if (difference.change !== 'different') return head;
  return `${head}: ${difference.details.map(({ word }) => word).join(', ')}`;
}
