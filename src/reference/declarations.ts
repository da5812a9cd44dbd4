import type { Declarations } from '../declarations.ts';
import { organizationId } from './backfill-organization-id.ts';
import { checks } from './checks.ts';

/** What the bundled application declares about its tables, as any other application would. */
export const declarations: Declarations = {
  checks,
  backfills: { 'organization-id': organizationId },
};
