import { checkNotValid } from './check-not-valid.ts';
import { columnThenConstraints } from './column-then-constraints.ts';
import { dropIndexConcurrently } from './drop-index-concurrently.ts';
import { foreignKeyNotValid } from './foreign-key-not-valid.ts';
import { indexConcurrently } from './index-concurrently.ts';
import { notNullValidated } from './not-null-validated.ts';
import { primaryKeyUsingIndex } from './primary-key-using-index.ts';
import type { Recipe } from './recipe.ts';
import { uniqueUsingIndex } from './unique-using-index.ts';

/** Every recipe. The first that applies to a statement is used, so those that replace several statements come first. */
export const recipes: readonly Recipe[] = [
  checkNotValid,
  uniqueUsingIndex,
  foreignKeyNotValid,
  indexConcurrently,
  notNullValidated,
  dropIndexConcurrently,
  columnThenConstraints,
  primaryKeyUsingIndex,
];
