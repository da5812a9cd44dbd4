import type { TableConstraint } from '../../sql/alter-table.ts';
import { includedColumns, parsedConstraint } from '../../sql/constraint-index.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';
import type { KnownTable, RecipeFacts } from './recipe.ts';
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

/** Returns the name of a constraint, which the server generates where the migration has none. */
export async function constraintName(
  added: AddedConstraint,
  facts: Pick<RecipeFacts, 'catalog'>,
): Promise<string> {
  return added.constraint.name ?? (await generatedConstraintName(added, facts));
}

/** Returns the name that the server generates for a constraint of a table. */
export async function generatedConstraintName(
  {
    known,
    constraint: { kind, columns, sql },
  }: Pick<AddedConstraint, 'constraint'> & {
    known: Pick<KnownTable, 'schema' | 'name'>;
  },
  { catalog }: Pick<RecipeFacts, 'catalog'>,
): Promise<string> {
  const label = labels[kind];
  if (label === undefined) return '';
  const isNamedByColumns = label !== 'pkey' && (label !== 'check' || columns.length === 1);
  // The name of an index has the columns of INCLUDE too.
  const included = label === 'key' ? includedColumns(await parsedConstraint(sql)) : [];
  const { schema, name: table } = known;
  const named = isNamedByColumns ? [...columns, ...included] : [];
  return generatedName(catalog, { schema, table, columns: named, label });
}
