import type { Thresholds } from '../../../src/verify/declaration.ts';
import type { CheckInput } from '../../../src/verify/definition.ts';

/** SQL in an empty database, and what a check finds in it. */
export interface CatalogueExample {
  /** What the example shows, such as `a partitioned table`. */
  title: string;
  sql: string;
  /** Keys of the findings; none for what must not be reported. */
  finds: string[];
  /** Severities of these findings, where they differ from that of the check. */
  severities?: string[];
  /** A part of the message of each finding. */
  says?: string[];
  /** Limits that differ from the defaults. */
  thresholds?: Partial<Thresholds>;
  /** The target that lacks what the example needs, by its name. */
  unless?: string;
  /** Major version from which on the server has the syntax. */
  since?: number;
  /** `verify` of the configuration. */
  settings?: Pick<CheckInput, 'exposedSchemas' | 'applicationRoles'>;
  /** The fix is left out of the test, for this reason. */
  unfixed?: string;
}

/** By the name of the check; each has at least one that is reported and one that is not. */
export type CatalogueExamples = Readonly<Record<string, readonly CatalogueExample[]>>;
