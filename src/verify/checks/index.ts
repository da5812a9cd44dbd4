import type { Check } from '../definition.ts';
import { alwaysTrueWritePolicy } from './always-true-write-policy.ts';
import { authUsersExposed } from './auth-users-exposed.ts';
import { autovacuumOff } from './autovacuum-off.ts';
import { bypassingRole } from './bypassing-role.ts';
import { collationVersion } from './collation-version.ts';
import { constraintNotEnforced } from './constraint-not-enforced.ts';
import { constraintNotValidated } from './constraint-not-validated.ts';
import { disabledTrigger } from './disabled-trigger.ts';
import { discouragedType } from './discouraged-type.ts';
import { duplicateIndex } from './duplicate-index.ts';
import { duplicateRows } from './duplicate-rows-under-invalid-unique.ts';
import { durabilityOff } from './durability-off.ts';
import { fkTypeMismatch } from './fk-type-mismatch.ts';
import { fkWithoutIndex } from './fk-without-index.ts';
import { functionSearchPath } from './function-search-path.ts';
import { identifier63 } from './identifier-63.ts';
import { inactiveSlot } from './inactive-slot.ts';
import { indexBloat } from './index-bloat.ts';
import { intPrimaryKey } from './int-primary-key.ts';
import { invalidIndex } from './invalid-index.ts';
import { keyOverflow } from './key-overflow.ts';
import { leftoverIndex } from './leftover-index.ts';
import { longTransaction } from './long-transaction.ts';
import { manyIndexes } from './many-indexes.ts';
import { multiplePermissivePolicies } from './multiple-permissive-policies.ts';
import { noPrimaryKey } from './no-primary-key.ts';
import { nullableMultiFk } from './nullable-multi-fk.ts';
import { orphanPartitionDetach } from './orphan-partition-detach.ts';
import { policyWithoutRls } from './policy-without-rls.ts';
import { preparedTransaction } from './prepared-transaction.ts';
import { publicCreate } from './public-create.ts';
import { publicDefinerFunction } from './public-definer-function.ts';
import { quotedName } from './quoted-name.ts';
import { redundantIndex } from './redundant-index.ts';
import { regTypeColumn } from './reg-type-column.ts';
import { replicaIdentity } from './replica-identity.ts';
import { rlsNotForced } from './rls-not-forced.ts';
import { rlsOff } from './rls-off.ts';
import { rlsWithoutPolicy } from './rls-without-policy.ts';
import { sequenceBehind } from './sequence-behind.ts';
import { timestampWithoutZone } from './timestamp-without-zone.ts';
import { unloggedTable } from './unlogged-table.ts';
import { unpopulatedView } from './unpopulated-view.ts';
import { unusedIndex } from './unused-index.ts';
import { unwrappedAuthCall } from './unwrapped-auth-call.ts';
import { versionEndOfLife } from './version-end-of-life.ts';
import { viewBypassesRls } from './view-bypasses-rls.ts';
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
  replicaIdentity,
  fkTypeMismatch,
  unloggedTable,
  autovacuumOff,
  identifier63,
  regTypeColumn,
  timestampWithoutZone,
  discouragedType,
  intPrimaryKey,
  nullableMultiFk,
  quotedName,
  // Security
  rlsOff,
  viewBypassesRls,
  policyWithoutRls,
  authUsersExposed,
  functionSearchPath,
  publicDefinerFunction,
  publicCreate,
  alwaysTrueWritePolicy,
  unwrappedAuthCall,
  rlsNotForced,
  bypassingRole,
  rlsWithoutPolicy,
  multiplePermissivePolicies,
  // Server
  versionEndOfLife,
  durabilityOff,
  longTransaction,
  preparedTransaction,
  inactiveSlot,
];
