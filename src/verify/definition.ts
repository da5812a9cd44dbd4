import type { Session } from '../db/session.ts';
import type { Finding } from '../report.ts';

export const checkGroups = ['schema', 'health', 'data'] as const;
export type CheckGroup = (typeof checkGroups)[number];

export interface CheckInput {
  session: Session;
}

/** One assertion about a database. `test/verify/check-examples.ts` has an example of each. */
export interface Check<Input = CheckInput> {
  name: string;
  group: CheckGroup;
  /** What it asserts, for the documentation. */
  summary: string;
  /** The migration from which on it applies; absent: always. */
  since?: string;
  run(input: Input): Promise<Finding[]>;
}
