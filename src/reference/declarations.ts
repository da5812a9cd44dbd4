import type { Settings } from '../config.ts';
import type { Declarations } from '../declarations.ts';
import { seedsSchema } from '../seed/definition.ts';
import { organizationId } from './backfill-organization-id.ts';
import { checks } from './checks.ts';
import { credits } from './credits.ts';
import { probes } from './probes.ts';
import { seeds } from './seeds/index.ts';
import { usageOf } from './usage.ts';

/** Returns what the bundled application declares about its tables, as any other application would. */
export function declarationsOf({ planStatuses }: Pick<Settings, 'planStatuses'>): Declarations {
  return {
    usage: usageOf(planStatuses),
    credits,
    seeds: seedsSchema.parse(seeds),
    checks,
    probes,
    backfills: { 'organization-id': organizationId },
  };
}
