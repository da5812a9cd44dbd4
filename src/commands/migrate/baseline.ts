import * as z from 'zod';
import { isEmpty } from '../../catalog/scope.ts';
import { fullSnapshot, readWithFixedSettings } from '../../catalog/snapshot.ts';
import { surroundingsOf } from '../../shadow/surroundings.ts';
import type { Context } from '../../context.ts';
import { needsConsent, readLabel } from '../../db/meta.ts';
import type { Session } from '../../db/session.ts';
import { databaseName } from '../../db/target.ts';
import { recordBaseline } from '../../migrate/baseline/baseline.ts';
import { planUp } from '../../migrate/plan.ts';
import { compare } from '../../runner/tracking-state.ts';
import { placeFolder } from '../../formats/place.ts';
import { announcement, type Baseline } from '../../migrate/baseline/findings.ts';
import {
  assertNothingTracked,
  proveBaseline,
  readLive,
  textOfCatalog,
} from '../../migrate/baseline/prove.ts';
import {
  baselineReport,
  changedMeanwhile,
  emptyDatabase,
  notExact,
} from '../../migrate/baseline/report.ts';
import { defineCommand } from '../../command.ts';
import { wait } from '../../flags.ts';
import { folderOf } from '../../open-project.ts';
import { refuseForgottenTable } from '../../runner/tracking-elsewhere.ts';
import { unsupportedTables } from '../../runner/unsupported-tools.ts';
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
    await assertNothingTracked(session, folder);
    await refuseForgottenTable(context, session, folder);
    const asked = planUp(compare(folder.migrations, []), { to });
    const { scope } = context.settings;
    const unsupported = await unsupportedTables(session, folder);
    const { live, surroundings } = await readWithFixedSettings(session, async () => {
      const objects = await fullSnapshot(session);
      const around = await surroundingsOf(session, folder, { objects, scope });
      const toolTables = [...around.toolTables, ...unsupported];
      return { live: objects, surroundings: { ...around, toolTables } };
    });
    if (isEmpty(live, surroundings)) throw emptyDatabase(databaseName(session.target));
    const isNamed = to !== undefined;
    const proof = await proveBaseline(context, session, folder, {
      migrations: asked,
      live,
      surroundings,
    });
    const best = isNamed ? proof.whole : proof.nearest;
    if (best.differences.length > 0) return notExact(folder, asked, best, isNamed);
    const recorded = asked.slice(0, isNamed ? asked.length : proof.proven);
    const baseline = { folder, recorded, proof, isNamed, dryRun };
    if (dryRun) return baselineReport(baseline);
    await agree(context, session, baseline);
    await underLocks({ context, session, folder, patience }, async (locks) => {
      await locks.check();
      await assertNothingTracked(session, folder);
      const now = await readLive(session);
      if (textOfCatalog(now, surroundings) !== textOfCatalog(live, surroundings))
        throw changedMeanwhile();
      await recordBaseline(session, folder, recorded);
    });
    return baselineReport(baseline);
  },
});

async function agree(context: Context, session: Session, baseline: Baseline) {
  if (!needsConsent(session, await readLabel(session))) return;
  await context.consent(announcement(baseline, databaseName(session.target)));
}
