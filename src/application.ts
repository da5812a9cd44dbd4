import type { Backfill } from './backfill/definition.ts';
import type { CreditsRequest, ReportDefinition, UsageRequest } from './reports/definition.ts';
import type { Check } from './verify/definition.ts';

/**
 * What an application declares about its own tables. Features receive it and know no table by name.
 * Parts that only some commands need are functions, so that the others do not load them.
 */
export interface Application {
  backfills: readonly Backfill[];
  reports(): Promise<ReportDeclarations>;
  /** Data checks of `dbops verify`, in the order in which their findings are shown. */
  checks(): Promise<readonly Check[]>;
}

export interface ReportDeclarations {
  usage: ReportDefinition<UsageRequest>;
  credits: ReportDefinition<CreditsRequest>;
}
