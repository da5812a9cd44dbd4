import * as z from 'zod';
import { expectedOf, isEmpty, type Surroundings } from '../../catalog/scope.ts';
import { extensionsFor } from '../../shadow/extensions.ts';
import { fullSnapshot, readWithFixedSettings } from '../../catalog/snapshot.ts';
import type { SchemaObject } from '../../catalog/kinds/kind.ts';
import { platformSchemas } from '../../shadow/platform.ts';
import { withShadow } from '../../shadow/shadow.ts';
import type { Context } from '../../context.ts';
import { needsConsent, readLabel } from '../../db/meta.ts';
import type { Session } from '../../db/session.ts';
import { databaseName } from '../../db/target.ts';
import type { Folder } from '../../formats/format.ts';
import { findPrefix, recordBaseline, type BaselineProof } from '../../migrate/baseline/baseline.ts';
import { planUp } from '../../migrate/plan.ts';
import { foreignTables } from '../../migrate/tracking-elsewhere.ts';
import { compare, readApplied } from '../../runner/tracking-state.ts';
import type { Migration } from '../../migration.ts';
import { placeFolder } from '../../formats/place.ts';
import { announcement, type Baseline } from '../../migrate/baseline/findings.ts';
import {
  alreadyTracked,
  baselineReport,
  changedMeanwhile,
  emptyDatabase,
  notExact,
} from '../../migrate/baseline/report.ts';
import { defineCommand } from '../../command.ts';
import { wait } from '../../flags.ts';
import { folderOf, refuseForgottenTable } from '../../open-project.ts';
import { underLocks } from '../../migrate/run.ts';

export const command = defineCommand({
  description:
    'Records migrations as applied on a database that has the schema but no tracking rows. Replays the folder in a shadow database, and records the migrations that produce exactly the current schema, up to the last one that left a trace. A protected, production or unlabelled remote database requires --confirm.',
  options: [
    [
      '--to <name>',
      'record migrations up to and including this one, with those that leave no trace (default: as many as the schema proves)',
    ],
    ['--dry-run', 'prove the migrations and change nothing'],
    ['--wait <duration>', 'wait at most this long for another run (default: 60s)'],
  ],
  examples: [
    'dbops migrate baseline --dry-run',
    'dbops migrate baseline',
    'dbops migrate baseline --to 0007_tenancy_expand',
  ],
  flags: z.object({ to: z.string().optional(), dryRun: z.boolean().default(false), wait }),
  async run(context, { to, dryRun, wait: patience }) {
    const [session, read] = await Promise.all([context.session(), folderOf(context)]);
    const folder = await placeFolder(session, read);
    await refuseTracked(session, folder);
    await refuseForgottenTable(context, session, folder);
    const asked = planUp(compare(folder.migrations, []), { to });
    const surroundings = {
      toolTables: [...folder.tracking.tables, ...(await foreignTables(session, folder))],
      platformSchemas: await platformSchemas(session, folder.format),
      given: new Set<string>(),
    };
    const live = await readLive(session);
    if (isEmpty(live, surroundings)) throw emptyDatabase(databaseName(session.target));
    const isNamed = to !== undefined;
    const proof = await prove(context, folder, { migrations: asked, live, surroundings });
    const best = isNamed ? proof.whole : proof.nearest;
    if (best.differences.length > 0) return notExact(folder, asked, best, isNamed);
    const recorded = asked.slice(0, isNamed ? asked.length : proof.proven);
    const baseline = { folder, recorded, proof, isNamed, dryRun };
    if (dryRun) return baselineReport(baseline);
    await agree(context, session, baseline);
    await underLocks({ context, session, folder, patience }, async (locks) => {
      await locks.check();
      await refuseTracked(session, folder);
      const now = await readLive(session);
      if (textOf(now, surroundings) !== textOf(live, surroundings)) throw changedMeanwhile();
      await recordBaseline(session, folder, recorded);
    });
    return baselineReport(baseline);
  },
});

async function refuseTracked(session: Session, folder: Folder): Promise<void> {
  const { applied, findings } = await readApplied(session, folder);
  if (applied.length + findings.length > 0)
    throw alreadyTracked(folder.tracking.table, applied.length);
}

function readLive(session: Session): Promise<SchemaObject[]> {
  return readWithFixedSettings(session, () => fullSnapshot(session));
}

/** Rows come in no order. Tables of the tool may have been made by its lock: they are left out. */
function textOf(objects: readonly SchemaObject[], surroundings: Surroundings): string {
  return expectedOf(objects, surroundings)
    .map((object) => JSON.stringify(object))
    .toSorted()
    .join('\n');
}

interface Asked {
  migrations: readonly Migration[];
  live: readonly SchemaObject[];
  surroundings: Surroundings;
}

/** Milliseconds: every file is replayed, and some ten times the whole catalog is read. */
const timeLimit = 600_000;

function prove(context: Context, { format }: Folder, asked: Asked): Promise<BaselineProof> {
  const { settings, signal, progress } = context;
  const { migrations } = asked;
  const onReplay = ({ name }: Migration, at: number) =>
    progress.update(`replaying ${at + 1} of ${migrations.length} in a shadow: ${name}`);
  const extensions = extensionsFor(migrations, format);
  const wanted = { server: settings.shadow, extensions, signal, timeLimit };
  return withShadow(wanted, (shadow) => findPrefix({ ...asked, shadow, format, onReplay }));
}

async function agree(context: Context, session: Session, baseline: Baseline) {
  if (!needsConsent(session, await readLabel(session))) return;
  await context.consent(announcement(baseline, databaseName(session.target)));
}
