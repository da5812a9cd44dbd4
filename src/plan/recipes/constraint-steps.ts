import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';
import { constraintName, type AddedConstraint } from './added-constraint.ts';
import { indexConstraintSteps } from './index-constraint-steps.ts';
import { together, type RecipeFacts, type RecipeStep } from './recipe.ts';
import { generatedName } from './server-names.ts';

/** Returns the steps that add a constraint; undefined where no recipe adds this kind. */
export async function constraintSteps(
  added: AddedConstraint,
  facts: RecipeFacts,
): Promise<RecipeStep[] | undefined> {
  const { kind, isOnline, sql } = added.constraint;
  if (isOnline || /\bnot\s+enforced\b/i.test(sql)) return undefined;
  if (kind === 'check') return notValidSteps(added, facts);
  if (kind === 'foreign-key') return foreignKeySteps(added, facts);
  if (kind === 'unique') return indexConstraintSteps(added, facts);
  return kind === 'primary' ? primaryKeySteps(added, facts) : undefined;
}

async function notValidSteps(added: AddedConstraint, facts: RecipeFacts): Promise<RecipeStep[]> {
  const name = await constraintName(added, facts);
  return addAndValidate(added.table, name, added.constraint.sql);
}

function addAndValidate(table: ObjectName, name: string, sql: string): RecipeStep[] {
  const alter = `ALTER TABLE ${quoteName(table)}`;
  return [
    together(`${alter} ADD CONSTRAINT ${q(name)} ${sql} NOT VALID`),
    together(`${alter} VALIDATE CONSTRAINT ${q(name)}`),
  ];
}

/**
 * A foreign key NOT VALID of a partitioned table needs PostgreSQL 18. Before, each partition gets it
 * first: the server then attaches those, and does not scan again.
 */
async function foreignKeySteps(
  added: AddedConstraint,
  facts: RecipeFacts,
): Promise<RecipeStep[] | undefined> {
  const { known, table, constraint } = added;
  const name = await constraintName(added, facts);
  if (!known.isPartitioned || facts.major >= 18) return addAndValidate(table, name, constraint.sql);
  const leaves = known.partitions.filter(({ isLeaf }) => isLeaf);
  const ofLeaves = leaves.flatMap((leaf) => addAndValidate(leaf, name, constraint.sql));
  const alter = `ALTER TABLE ${quoteName(table)} ADD CONSTRAINT ${q(name)} ${constraint.sql}`;
  return [...ofLeaves, together(alter)];
}

/**
 * Returns the steps of SET NOT NULL. PostgreSQL 18 validates NOT NULL itself; before, a CHECK that is
 * already valid spares the scan. Its removal in the same ALTER TABLE would bring the scan back.
 */
export async function notNullSteps(
  { table, known }: Pick<AddedConstraint, 'table' | 'known'>,
  column: string,
  { major, catalog }: RecipeFacts,
): Promise<RecipeStep[]> {
  const parts = { schema: known.schema, table: known.name, columns: [column] };
  const name = await generatedName(catalog, { ...parts, label: 'not_null' });
  const alter = `ALTER TABLE ${quoteName(table)}`;
  if (major >= 18) {
    const [add, validate] = addAndValidate(table, name, `NOT NULL ${q(column)}`);
    const undo = [`${alter} DROP CONSTRAINT ${q(name)}`, ...(add?.statements ?? [])];
    return add && validate ? [add, { ...validate, undo }] : [];
  }
  return [
    ...addAndValidate(table, name, `CHECK (${q(column)} IS NOT NULL)`),
    together(
      `${alter} ALTER COLUMN ${q(column)} SET NOT NULL`,
      `${alter} DROP CONSTRAINT ${q(name)}`,
    ),
  ];
}

/**
 * Returns the steps of ADD PRIMARY KEY: its columns are NOT NULL first, because the server scans for that
 * under ACCESS EXCLUSIVE.
 */
async function primaryKeySteps(
  added: AddedConstraint,
  facts: RecipeFacts,
): Promise<RecipeStep[] | undefined> {
  const { known, constraint } = added;
  const steps = await indexConstraintSteps(added, facts);
  if (!steps) return undefined;
  const required: RecipeStep[] = [];
  for (const column of constraint.columns.filter((each) => !known.notNull.has(each)))
    required.push(...(await notNullSteps(added, column, facts)));
  return [...required, ...steps];
}
