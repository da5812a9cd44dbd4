import type { Context } from '../context.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { judgeOf, type Judged } from '../verify/judge-findings.ts';
import type { WaiverFlags } from '../verify/waiver-flags.ts';
import { findingsOf, findingsOfActivity, planChecks } from './find.ts';
import type { PlanResult } from './report.ts';

interface PlanJudging {
  context: Context;
  folder: Folder;
  pending: readonly Migration[];
  /** Absent: a run without any. */
  flags?: WaiverFlags;
}

const noWaivers: WaiverFlags = { ignore: [], pruneBaseline: false, requireReason: false };

/** Returns the findings of a plan, without those that a comment allows or the baseline lists. */
export function judgePlan(
  { context, folder, pending, flags = noWaivers }: PlanJudging,
  { migrations, facts }: PlanResult,
): Promise<Judged> {
  const codes = new Set(planChecks.map(({ name }) => name));
  const names = new Set(pending.map(({ name }) => name));
  const judge = judgeOf({
    context,
    folder: { ...folder, migrations: [...pending] },
    flags,
    wasChecked: (key) => {
      const [code = '', name = ''] = key.split(':');
      return codes.has(code) && names.has(name);
    },
    isRun: (name) => codes.has(name),
  });
  for (const each of migrations) for (const finding of findingsOf(each)) judge.add(finding);
  for (const finding of findingsOfActivity(facts?.activity, migrations)) judge.add(finding);
  return judge.finish();
}
