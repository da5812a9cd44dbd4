import type { Check } from '../definition.ts';
import { collationVersion } from './collation-version.ts';
import { constraintNotEnforced } from './constraint-not-enforced.ts';
import { constraintNotValidated } from './constraint-not-validated.ts';
import { disabledTrigger } from './disabled-trigger.ts';
import { duplicateIndex } from './duplicate-index.ts';
import { duplicateRows } from './duplicate-rows-under-invalid-unique.ts';
import { fkWithoutIndex } from './fk-without-index.ts';
import { indexBloat } from './index-bloat.ts';
import { invalidIndex } from './invalid-index.ts';
import { keyOverflow } from './key-overflow.ts';
import { leftoverIndex } from './leftover-index.ts';
import { manyIndexes } from './many-indexes.ts';
import { noPrimaryKey } from './no-primary-key.ts';
import { orphanPartitionDetach } from './orphan-partition-detach.ts';
import { redundantIndex } from './redundant-index.ts';
import { sequenceBehind } from './sequence-behind.ts';
import { unpopulatedView } from './unpopulated-view.ts';
import { unusedIndex } from './unused-index.ts';
import { xidAge } from './xid-age.ts';

/** The catalogue, in the order in which findings are shown. */
export const checks: readonly Check[] = [
  // Integrity
  invalidIndex,
  duplicateRows,
  leftoverIndex,
  constraintNotValidated,
  constraintNotEnforced,
  disabledTrigger,
  sequenceBehind,
  keyOverflow,
  unpopulatedView,
  collationVersion,
  xidAge,
  orphanPartitionDetach,
  // Indexes
  fkWithoutIndex,
  duplicateIndex,
  redundantIndex,
  unusedIndex,
  indexBloat,
  manyIndexes,
  // Tables
  noPrimaryKey,
  // Security
  // Server
];
