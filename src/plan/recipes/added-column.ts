import type { ColumnDef, Constraint } from 'libpg-query';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { backfillNameOf, targetOfValue } from '../../expand-contract/derive.ts';
import type { AddedColumn, TableConstraint } from '../../sql/alter-table.ts';
import { commandsOf, type ObjectName } from '../../sql/non-transactional.ts';
import { knownTable, onlyPiece } from './altered-table.ts';
import { constraintSteps, notNullSteps } from './constraint-steps.ts';
import {
  stepsOf,
  together,
  type KnownTable,
  type ParsedStatement,
  type RecipeFacts,
  type RecipeStep,
  type RecipeSteps,
} from './recipe.ts';

/** A column that ALTER TABLE adds to a table. */
export interface NewColumn {
  table: ObjectName;
  known: KnownTable;
  column: AddedColumn;
  definition: ColumnDef;
  /** Those of the column as table constraints, its primary key included. */
  constraints: TableConstraint[];
  isKey: boolean;
}

/** Returns the column that a statement adds; undefined where it adds none that is new. */
export async function newColumn(
  statement: ParsedStatement,
  facts: RecipeFacts,
): Promise<NewColumn | undefined> {
  const piece = onlyPiece(statement, 'add-column');
  const definition = definitionIn(statement);
  const known = piece && definition && (await knownTable(statement, piece.table, facts));
  if (!known || known.columns.has(piece.column.name)) return undefined;
  const { table, column } = piece;
  const key = keyOf(definition, column.name);
  const constraints = [...column.constraints, ...(key ? [key] : [])];
  return { table, known, column, definition, constraints, isKey: key !== undefined };
}

function definitionIn({ node }: ParsedStatement): ColumnDef | undefined {
  const [{ def } = {}] = commandsOf(node);
  return def && 'ColumnDef' in def ? def.ColumnDef : undefined;
}

/** Returns the constraints of a column, as the parser has them. */
export function partsOf({ constraints = [] }: ColumnDef): Constraint[] {
  return constraints.flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));
}

function keyOf(definition: ColumnDef, column: string): TableConstraint | undefined {
  const parts = partsOf(definition);
  const at = parts.findIndex(({ contype }) => contype === 'CONSTR_PRIMARY');
  const key = parts[at];
  if (!key) return undefined;
  const isDeferrable = parts[at + 1]?.contype === 'CONSTR_ATTR_DEFERRABLE';
  const isDeferred = parts[at + 2]?.contype === 'CONSTR_ATTR_DEFERRED';
  return {
    kind: 'primary',
    columns: [column],
    sql: `PRIMARY KEY (${q(column)})${isDeferrable ? ' DEFERRABLE' : ''}${isDeferrable && isDeferred ? ' INITIALLY DEFERRED' : ''}`,
    isOnline: false,
    ...(key.conname && { name: key.conname }),
  };
}

/** How a column that is added without a value gets one. */
export interface Filling {
  /** The step that adds the column, and gives new rows their value. */
  first: RecipeStep;
  /** SQL of the value of existing rows. */
  expression: string;
  isRequired: boolean;
  /** Steps after the constraints of the column. */
  last?: RecipeStep[];
}

/**
 * Returns the steps of a column whose existing rows a backfill fills; undefined for a constraint without a recipe.
 */
export async function filledByBackfill(
  added: NewColumn,
  { first, expression, isRequired, last = [] }: Filling,
  facts: RecipeFacts,
): Promise<RecipeSteps | undefined> {
  const { known, column } = added;
  const name = backfillNameOf(column.name);
  // The migration may have set another search_path.
  const table = { schema: known.schema, name: known.name };
  const target = await targetOfValue(table, column.name, expression);
  const further = await stepsAfterBackfill(added, { isRequired, requires: name }, facts);
  return (
    further && {
      ...stepsOf(first, ...further, ...last),
      backfills: [{ name, target }],
      notes: [
        `Existing rows have no ${known.name}.${column.name} until dbops migrate up runs the backfill ${name}, before the file that requires it.`,
      ],
    }
  );
}

/**
 * Returns the steps that require a value of a column and add its constraints, once a backfill has filled it. The
 * UPDATE finds no row after the backfill: it is for a database to which the migrations are applied without one,
 * such as a shadow.
 */
async function stepsAfterBackfill(
  { table, known, column: { name }, constraints, isKey }: NewColumn,
  { isRequired, requires }: { isRequired: boolean; requires: string },
  facts: RecipeFacts,
): Promise<RecipeStep[] | undefined> {
  const fill = `UPDATE ${quoteName(table)} SET ${q(name)} = DEFAULT WHERE ${q(name)} IS NULL`;
  const steps: RecipeStep[] = [{ ...together(fill), requires }];
  if (isRequired && !isKey) steps.push(...(await notNullSteps({ table, known }, name, facts)));
  for (const constraint of constraints) {
    const added = await constraintSteps({ table, known, constraint }, facts);
    if (!added) return undefined;
    steps.push(...added);
  }
  return steps;
}
