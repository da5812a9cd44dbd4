import type { Drift } from '../shadow/drift.ts';
import type { Session } from '../db/session.ts';
import type { Finding } from '../report.ts';

/** What a check looks at. */
export interface Subject {
  session: Session;
  /** Names of the applied migrations. */
  applied: ReadonlySet<string>;
  /** The live catalog against the replayed one. */
  drift: readonly Drift[];
  /** Those that are asked for: what two of them would tell is told once. */
  groups: ReadonlySet<CheckGroup>;
}

export const checkGroups = ['schema', 'health', 'data'] as const;
export type CheckGroup = (typeof checkGroups)[number];

/**
 * One thing that can be wrong with a database. To add one: a file here, and a line in `index.ts`.
 * The examples are run on every target by one test: clean before, a finding after `breaks`, clean
 * again after `mends`.
 */
export interface Check {
  name: string;
  group: CheckGroup;
  /** For the documentation: what it asserts. */
  summary: string;
  /** Only once this migration is applied. */
  since?: string;
  run(subject: Subject): Promise<Finding[]>;
  examples: { breaks: string; mends: string; finding: string }[];
}
