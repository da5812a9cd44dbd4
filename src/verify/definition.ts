import type { Session } from '../db/session.ts';
import type { Finding } from '../report.ts';

export const checkGroups = ['schema', 'health', 'data'] as const;
export type CheckGroup = (typeof checkGroups)[number];

export interface CheckInput {
  session: Session;
}

/**
 * One assertion about a database of any application. `test/verify/check-examples.ts` has an example of each;
 * those about data are declared, see `declaration.ts`.
 */
export interface Check<Input = CheckInput> {
  name: string;
  group: Exclude<CheckGroup, 'data'>;
  /** What it asserts, for the documentation. */
  summary: string;
  run(input: Input): Promise<Finding[]>;
}
