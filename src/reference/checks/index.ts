import type { Check } from '../../verify/definition.ts';
import { personalOrganization } from './personal-organization.ts';
import { planFeatures } from './plan-features.ts';
import { usersColumns } from './users-columns.ts';

/** The data checks of the bundled application, in the order in which findings are shown. */
export const checks: readonly Check[] = [usersColumns, planFeatures, personalOrganization];
