import type { Check } from '../definition.ts';
import { constraintNotValidated } from './constraint-not-validated.ts';
import { invalidIndex } from './invalid-index.ts';
import { schemaObjects, type SchemaInput } from './schema-objects.ts';
import { unpopulatedView } from './unpopulated-view.ts';

/** The checks of every schema, in the order in which findings are shown. */
export const checks: readonly Check<SchemaInput>[] = [
  schemaObjects,
  invalidIndex,
  constraintNotValidated,
  unpopulatedView,
];
