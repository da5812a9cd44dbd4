import type { Finding } from '../report.ts';
import type { Check } from './definition.ts';
import type { SchemaInput } from './checks/schema-objects.ts';

/** Returns the findings of the checks of `input.groups`, without those whose `since` is pending. */
export async function runChecks(
  checks: readonly Check<SchemaInput>[],
  input: SchemaInput,
  applied: ReadonlySet<string>,
): Promise<Finding[]> {
  const due = checks.filter(
    ({ group, since }) => input.groups.has(group) && (since === undefined || applied.has(since)),
  );
  const findings: Finding[] = [];
  for (const check of due) findings.push(...(await check.run(input)));
  return findings;
}
