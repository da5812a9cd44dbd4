import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import type { TableConstraint } from '../../sql/alter-table.ts';
import { indexOfConstraint } from '../../sql/constraint-index.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';
import { alone, together, type KnownTable, type RecipeFacts, type RecipeStep } from './recipe.ts';
import { generatedName, type NameParts } from './server-names.ts';

/** A constraint to add, and the table as the migration names it. */
export interface AddedConstraint {
  table: ObjectName;
  known: KnownTable;
  constraint: TableConstraint;
}

const labels: Partial<Record<TableConstraint['kind'], NameParts['label']>> = {
  check: 'check',
  'foreign-key': 'fkey',
  unique: 'key',
  primary: 'pkey',
};

/** Returns the steps that add a constraint; undefined where no recipe adds this kind. */
export async function constraintSteps(
  added: AddedConstraint,
  facts: RecipeFacts,
): Promise<RecipeStep[] | undefined> {
  const { kind, isOnline, sql } = added.constraint;
  if (isOnline || /\bnot\s+enforced\b/i.test(sql)) return undefined;
  if (kind === 'check') return notValidSteps(added, facts);
  if (kind === 'foreign-key') return foreignKeySteps(added, facts);
  return kind === 'unique' ? uniqueSteps(added, facts) : undefined;
}

/** Returns the name of a constraint, which the server generates where the migration has none. */
export async function constraintName(
  { known, constraint: { name, kind, columns } }: AddedConstraint,
  { catalog }: Pick<RecipeFacts, 'catalog'>,
): Promise<string> {
  const label = labels[kind];
  if (name !== undefined || label === undefined) return name ?? '';
  const isNamedByColumns = label !== 'pkey' && (label !== 'check' || columns.length === 1);
  const { schema, name: table } = known;
  return generatedName(catalog, { schema, table, columns: isNamedByColumns ? columns : [], label });
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
  if (known.isNested) return undefined;
  const ofLeaves = known.leaves.flatMap((leaf) => addAndValidate(leaf, name, constraint.sql));
  const alter = `ALTER TABLE ${quoteName(table)} ADD CONSTRAINT ${q(name)} ${constraint.sql}`;
  return [...ofLeaves, together(alter)];
}

async function uniqueSteps(
  added: AddedConstraint,
  facts: RecipeFacts,
): Promise<RecipeStep[] | undefined> {
  if (added.known.isPartitioned) return undefined; // USING INDEX is for plain tables
  const name = await constraintName(added, facts);
  const index = await indexOfConstraint(added, name);
  return (
    index && [
      alone(index.create),
      together(
        `ALTER TABLE ${quoteName(added.table)} ADD CONSTRAINT ${q(name)} UNIQUE USING INDEX ${q(name)}${index.attributes}`,
      ),
    ]
  );
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
  if (major >= 18) return addAndValidate(table, name, `NOT NULL ${q(column)}`);
  const alter = `ALTER TABLE ${quoteName(table)}`;
  return [
    ...addAndValidate(table, name, `CHECK (${q(column)} IS NOT NULL)`),
    together(
      `${alter} ALTER COLUMN ${q(column)} SET NOT NULL`,
      `${alter} DROP CONSTRAINT ${q(name)}`,
    ),
  ];
}
