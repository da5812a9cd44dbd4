import type { SeedDeclaration } from '../../seed/definition.ts';
import { assertNoLiveCustomers } from './live-customers.ts';
import { planFeatures } from './plan-features.ts';
import { team } from './team.ts';
import { users } from './users.ts';

/** The test data of the bundled application. */
export const seeds: SeedDeclaration = {
  sets: [users, planFeatures, team],
  assertSafe: assertNoLiveCustomers,
};
