import type { SchemaObject } from '../../catalog/kinds/kind.ts';
import { isEmpty, type Surroundings } from '../../catalog/scope.ts';
import { fullSnapshot, readWithFixedSettings } from '../../catalog/snapshot.ts';
import type { Context } from '../../context.ts';
import { needsConsent, readLabel } from '../../db/meta.ts';
import type { Session } from '../../db/session.ts';
import { databaseName } from '../../db/target.ts';
import type { Folder } from '../../formats/format.ts';
import type { Report } from '../../report.ts';
import { refuseForgottenTable } from '../../runner/tracking-elsewhere.ts';
import { compare } from '../../runner/tracking-state.ts';
import { unsupportedTables } from '../../runner/unsupported-tools.ts';
import { surroundingsOf } from '../../shadow/surroundings.ts';
import { planUp } from '../plan.ts';
import { underLocks } from '../run.ts';
import { recordBaseline } from './baseline.ts';
import { announcement, type Baseline } from './findings.ts';
import { assertNothingTracked, proveBaseline, readLive, textOfCatalog } from './prove.ts';
import { baselineReport, changedMeanwhile, emptyDatabase, notExact } from './report.ts';

export interface BaselineFlags {
  /** The last migration to record; absent: as many as the schema proves. */
  to?: string | undefined;
  dryRun: boolean;
  /** Milliseconds to wait for another run. */
  wait: number;
}

/**
 * Records the migrations that produce the schema of the database as applied.
 *
 * @throws usage error for a database that is empty or has tracking rows
 */
export async function runBaseline(
  context: Context,
  session: Session,
  folder: Folder,
  { to, dryRun, wait }: BaselineFlags,
): Promise<Report> {
  await assertNothingTracked(session, folder);
  await refuseForgottenTable(context, session, folder);
  const migrations = planUp(compare(folder.migrations, []), { to });
  const { live, surroundings } = await readTarget(context, session, folder);
  if (isEmpty(live, surroundings)) throw emptyDatabase(databaseName(session.target));
  const isNamed = to !== undefined;
  const proof = await proveBaseline(context, session, folder, { migrations, live, surroundings });
  const best = isNamed ? proof.whole : proof.nearest;
  if (best.differences.length > 0) return notExact(folder, migrations, best, isNamed);
  const recorded = migrations.slice(0, isNamed ? migrations.length : proof.proven);
  const baseline = { folder, recorded, proof, isNamed, dryRun };
  if (dryRun) return baselineReport(baseline);
  await agree(context, session, baseline);
  await underLocks({ context, session, folder, patience: wait }, async (locks) => {
    await locks.check();
    await assertNothingTracked(session, folder);
    const now = await readLive(session);
    if (textOfCatalog(now, surroundings) !== textOfCatalog(live, surroundings))
      throw changedMeanwhile();
    await recordBaseline(session, folder, recorded);
  });
  return baselineReport(baseline);
}

/** Returns the whole catalog of the database, and what of it the migrations did not create. */
async function readTarget(
  context: Context,
  session: Session,
  folder: Folder,
): Promise<{ live: SchemaObject[]; surroundings: Surroundings }> {
  const { scope } = context.settings;
  const unsupported = await unsupportedTables(session, folder);
  return readWithFixedSettings(session, async () => {
    const live = await fullSnapshot(session);
    const around = await surroundingsOf(session, folder, { objects: live, scope });
    return {
      live,
      surroundings: { ...around, toolTables: [...around.toolTables, ...unsupported] },
    };
  });
}

async function agree(context: Context, session: Session, baseline: Baseline): Promise<void> {
  if (!needsConsent(session, await readLabel(session))) return;
  await context.consent(announcement(baseline, databaseName(session.target)));
}
