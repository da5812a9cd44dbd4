import type { Seeds } from '../../seed/definition.ts';
import { planFeatures } from './plan-features.ts';
import { team } from './team.ts';
import { users } from './users.ts';

/** The test data of the bundled application. */
export const seeds = { ...users, ...planFeatures, ...team } satisfies Seeds;
