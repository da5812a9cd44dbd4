import type { Finding } from '../report.ts';
import type { Check, CheckGroup, Subject } from './check.ts';

/** What the checks of these groups find, as far as they are due: after their `since`. */
export async function runChecks(
  checks: readonly Check[],
  subject: Subject,
  groups: ReadonlySet<CheckGroup>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) {
    const isDue =
      groups.has(check.group) && (check.since === undefined || subject.applied.has(check.since));
    if (isDue) findings.push(...(await check.run(subject)));
  }
  return findings;
}
