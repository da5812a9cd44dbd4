import { attachPartition } from './attach-partition.ts';
import { backfillApart } from './backfill-apart.ts';
import { checkNotValid } from './check-not-valid.ts';
import { columnThenConstraints } from './column-then-constraints.ts';
import { detachConcurrently } from './detach-concurrently.ts';
import { dropIndexConcurrently } from './drop-index-concurrently.ts';
import { enumValueApart } from './enum-value-apart.ts';
import { foreignKeyNotValid } from './foreign-key-not-valid.ts';
import { indexConcurrently } from './index-concurrently.ts';
import { indexReplacedConcurrently } from './index-replaced-concurrently.ts';
import { numberedColumnLater } from './numbered-column-later.ts';
import { newPartitionAttached } from './new-partition-attached.ts';
import { notNullValidated } from './not-null-validated.ts';
import { partitionedIndex } from './partitioned-index.ts';
import { primaryKeyReplaced } from './primary-key-replaced.ts';
import { primaryKeyUsingIndex } from './primary-key-using-index.ts';
import type { Recipe } from './recipe.ts';
import { reindexConcurrently } from './reindex-concurrently.ts';
import { tableThenForeignKeys } from './table-then-foreign-keys.ts';
import { uniqueUsingIndex } from './unique-using-index.ts';
import { varcharCheck } from './varchar-check.ts';
import { volatileDefaultLater } from './volatile-default-later.ts';
import { workApart } from './work-apart.ts';

/** Every recipe. The first that applies to a statement is used; those that replace several statements come first. */
export const recipes: readonly Recipe[] = [
  indexReplacedConcurrently,
  primaryKeyReplaced,
  checkNotValid,
  uniqueUsingIndex,
  foreignKeyNotValid,
  indexConcurrently,
  partitionedIndex,
  notNullValidated,
  dropIndexConcurrently,
  reindexConcurrently,
  columnThenConstraints,
  volatileDefaultLater,
  numberedColumnLater,
  primaryKeyUsingIndex,
  tableThenForeignKeys,
  newPartitionAttached,
  attachPartition,
  detachConcurrently,
  varcharCheck,
  enumValueApart,
  backfillApart,
  workApart,
];
