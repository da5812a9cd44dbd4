import type { Check } from './check.ts';
import { constraintNotValidated } from './constraint-not-validated.ts';
import { invalidIndex } from './invalid-index.ts';
import { personalOrganization } from './personal-organization.ts';
import { planFeatures } from './plan-features.ts';
import { schemaObjects } from './schema-objects.ts';
import { unpopulatedView } from './unpopulated-view.ts';
import { usersColumns } from './users-columns.ts';

/** Every check, in the order in which findings are shown. */
export const checks: Check[] = [
  schemaObjects,
  invalidIndex,
  constraintNotValidated,
  unpopulatedView,
  usersColumns,
  planFeatures,
  personalOrganization,
];
