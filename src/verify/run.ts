import type { Finding } from '../report.ts';
import type { Check, Subject } from './definition.ts';

/** What the checks of these groups find, as far as they are due: after their `since`. */
export async function runChecks(checks: readonly Check[], subject: Subject): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) {
    const isDue =
      subject.groups.has(check.group) &&
      (check.since === undefined || subject.applied.has(check.since));
    if (isDue) findings.push(...(await check.run(subject)));
  }
  return findings;
}
