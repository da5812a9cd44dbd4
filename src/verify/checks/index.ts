import type { Check } from '../definition.ts';
import { constraintNotValidated } from './constraint-not-validated.ts';
import { invalidIndex } from './invalid-index.ts';
import { noPrimaryKey } from './no-primary-key.ts';
import { unpopulatedView } from './unpopulated-view.ts';

/** The catalogue, in the order in which findings are shown. */
export const checks: readonly Check[] = [
  // Integrity
  invalidIndex,
  constraintNotValidated,
  unpopulatedView,
  // Indexes
  // Tables
  noPrimaryKey,
  // Security
  // Server
];
