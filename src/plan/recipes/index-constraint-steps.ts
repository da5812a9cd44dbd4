import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import {
  indexAndConstraint,
  indexDefinition,
  type IndexDefinition,
} from '../../sql/constraint-index.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';
import {
  constraintName,
  generatedConstraintName,
  type AddedConstraint,
} from './added-constraint.ts';
import { indexTree } from './index-tree.ts';
import { alone, together, type RecipeFacts, type RecipeStep } from './recipe.ts';

/**
 * Returns the steps of ADD UNIQUE, and of ADD PRIMARY KEY on columns that are NOT NULL; undefined for a
 * constraint that an index cannot become.
 */
export async function indexConstraintSteps(
  added: AddedConstraint,
  facts: RecipeFacts,
): Promise<RecipeStep[] | undefined> {
  const name = await constraintName(added, facts);
  const definition = await indexDefinition(added.constraint);
  if (!definition) return undefined;
  if (added.known.isPartitioned) return onPartitions(added, { name, definition }, facts);
  const { create, add } = indexAndConstraint(added.table, name, definition);
  return [alone(create), together(add)];
}

/**
 * USING INDEX is for plain tables. Each partition gets its constraint first; the one of the parent, which
 * ONLY adds without an index of the partitions, becomes valid when the last of them is attached.
 */
async function onPartitions(
  { table, known, constraint }: AddedConstraint,
  { name, definition }: { name: string; definition: IndexDefinition },
  facts: RecipeFacts,
): Promise<RecipeStep[]> {
  const { nameOn, leaves, parents, attach } = await indexTree(known, name, (each) =>
    generatedConstraintName({ known: each, constraint }, facts),
  );
  const built = leaves.map((each) => indexAndConstraint(each, nameOn(each), definition));
  const addOnly = (to: ObjectName, as: string) =>
    `ALTER TABLE ONLY ${quoteName(to)} ADD CONSTRAINT ${q(as)} ${constraint.sql}`;
  return [
    alone(...built.map(({ create }) => create), ...built.map(({ add }) => add)),
    together(addOnly(table, name), ...parents.map((each) => addOnly(each, nameOn(each)))),
    attach,
  ];
}
