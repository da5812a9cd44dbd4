import { comparableOf, expectedOf, type Surroundings } from '../../src/catalog/scope.ts';
import { definitionsOf } from '../../src/catalog/definitions.ts';
import { differencesOf, judgeIn, type Difference } from '../../src/catalog/differences.ts';
import type { Drift } from '../../src/shadow/drift.ts';
import type { SchemaObject } from '../../src/catalog/kinds/kind.ts';
import { replay } from '../../src/shadow/replay.ts';
import {
  fullSnapshot,
  inScratchTransaction,
  objectName,
  readWithFixedSettings,
  type SnapshotOptions,
} from '../../src/catalog/snapshot.ts';
import { thresholdsSchema } from '../../src/verify/declaration.ts';
import { checks as referenceChecks } from '../../src/reference/checks.ts';
import { dataChecksOf, dueOf } from '../../src/verify/data-checks.ts';
import { runDataCheck } from '../../src/verify/run-data-check.ts';
import { checks } from '../../src/verify/checks/index.ts';
import { runCatalogue } from '../../src/verify/run-catalogue.ts';
import { reportedBy, schemaFindings } from '../../src/verify/schema-findings.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import type { Migration } from '../../src/migration.ts';
import type { Finding } from '../../src/report.ts';

/** A shadow that has the migrations of a folder, for many comparisons in a short time. */
export interface Comparison {
  migrations: readonly Migration[];
  /** The differences of a database, as `different column id on public.users: type`. */
  differences(live: Session): Promise<string[]>;
  /** The same after statements that are rolled back. */
  differencesAfter(live: Session, sql: string): Promise<string[]>;
  /** What `verify` finds, but for the migrations that made it. */
  findings(live: Session): Promise<Finding[]>;
  close(): Promise<void>;
}

/** The checks of the catalogue that report what a migration never leaves behind. */
export const damageChecks = ['invalid-index', 'constraint-not-validated', 'unpopulated-view'];

/** The surroundings of a database that holds nothing but the application. */
export const unsurrounded: Surroundings = {
  toolTables: [],
  otherTables: [],
  platformSchemas: [],
  extensions: [],
  given: new Set(),
  scope: { ignore: [] },
};

/** Replays a folder in the embedded Postgres. */
export async function openComparison(
  folder: string,
  options: SnapshotOptions = {},
): Promise<Comparison> {
  const { migrations, format, tracking } = readFolder({ migrations: folder, root: folder });
  const target = { kind: 'pglite', directory: null } as const;
  const shadow = await openSession(target, { application: 'dbops test', path: 'DEFAULT' });
  await replay(shadow, migrations, format);
  const surroundings = { ...unsurrounded, toolTables: tracking.tables };
  const expected = await inScratchTransaction(shadow, async () =>
    expectedOf(await fullSnapshot(shadow, options), surroundings),
  );
  const compare = (live: readonly SchemaObject[]) =>
    inScratchTransaction(shadow, () =>
      differencesOf(expected, comparableOf(live, expected, surroundings), judgeIn(shadow)),
    );
  const driftOf = async (live: Session): Promise<Drift[]> => {
    const found = await compare(await fullSnapshot(live, options));
    const objects = found.map(({ object }) => object);
    const there = await definitionsOf(live, objects);
    const made = await inScratchTransaction(shadow, () => definitionsOf(shadow, objects));
    return found.map((difference, at) => ({
      ...difference,
      repair: [],
      dropsRows: false,
      definitions: { ...textAs('expected', made[at]), ...textAs('live', there[at]) },
    }));
  };
  return {
    migrations,
    differences: async (live) =>
      (await compare(await readWithFixedSettings(live, () => fullSnapshot(live, options)))).map(
        describe,
      ),
    async differencesAfter(live, sql) {
      const found = await inScratchTransaction(live, async () => {
        await live.script(`SET LOCAL search_path = public; ${sql}; SET LOCAL search_path = ''`);
        return fullSnapshot(live, options);
      });
      return (await compare(found)).map(describe);
    },
    findings: (live) =>
      readWithFixedSettings(live, async () => {
        const input = {
          session: live,
          isReplay: false,
          replicas: [],
          thresholds: thresholdsSchema.parse({}),
        };
        const ofDamage = [...damageChecks, 'leftover-index'];
        const damaged = checks.filter(({ name }) => ofDamage.includes(name));
        const damage = await runCatalogue(damaged, input);
        const found = [...schemaFindings(await driftOf(live), reportedBy(damage)), ...damage];
        const names = new Set(migrations.map(({ name }) => name));
        for (const check of dueOf(dataChecksOf(folder, referenceChecks).checks, names))
          await runDataCheck(live, check, (finding) => found.push(finding));
        return found;
      }),
    close: () => shadow.close(),
  };
}

function textAs(side: string, text: string | undefined): Record<string, string> {
  return text === undefined ? {} : { [side]: text };
}

function describe(difference: Difference): string {
  const { change, object } = difference;
  const head = `${change} ${object.kind} ${objectName(object)}`;
  if (difference.change !== 'different') return head;
  return `${head}: ${difference.details.map(({ word }) => word).join(', ')}`;
}
