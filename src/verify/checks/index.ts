import type { Check } from '../definition.ts';
import { constraintNotValidated } from './constraint-not-validated.ts';
import { invalidIndex } from './invalid-index.ts';
import { personalOrganization } from '../../reference/checks/personal-organization.ts';
import { planFeatures } from '../../reference/checks/plan-features.ts';
import { schemaObjects } from './schema-objects.ts';
import { unpopulatedView } from './unpopulated-view.ts';
import { usersColumns } from '../../reference/checks/users-columns.ts';

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
