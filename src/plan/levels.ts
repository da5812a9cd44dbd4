import type { Severity } from '../report.ts';

/** The verdicts from which on a plan fails, for `--fail-on`. */
export const planLevels = ['blocks', 'slow'] as const;
export type PlanLevel = (typeof planLevels)[number];

/** The severity of the findings with a verdict. */
export const severityOfLevel: Readonly<Record<PlanLevel, Severity>> = {
  blocks: 'error',
  slow: 'warning',
};
