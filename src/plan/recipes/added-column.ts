import type { ColumnDef, Constraint } from 'libpg-query';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { targetOfDefault } from '../../expand-contract/derive.ts';
import type { AddedColumn, TableConstraint } from '../../sql/alter-table.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';
import { knownTable, onlyPiece } from './altered-table.ts';
import { constraintSteps, notNullSteps } from './constraint-steps.ts';
import {
  together,
  type KnownTable,
  type ParsedStatement,
  type RecipeBackfill,
  type RecipeFacts,
  type RecipeStep,
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
  const [cmd] = 'AlterTableStmt' in node ? (node.AlterTableStmt.cmds ?? []) : [];
  const def = cmd && 'AlterTableCmd' in cmd ? cmd.AlterTableCmd.def : undefined;
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

/** Returns what fills a column with an expression, as `dbops migrate expand-contract` does. */
export async function backfillOf(
  { known, column: { name } }: Pick<NewColumn, 'known' | 'column'>,
  expression: string,
): Promise<RecipeBackfill> {
  // The migration may have set another search_path.
  const table = { schema: known.schema, name: known.name };
  const target = await targetOfDefault(table, name, expression);
  return { name: name.replaceAll(/[^\p{L}\p{N}]+/gu, '-'), target };
}

/**
 * Returns the steps that require a value of a column and add its constraints, once a backfill has filled it;
 * undefined for a constraint without a recipe. The UPDATE finds no row after the backfill: it is for a database
 * to which the migrations are applied without one, such as a shadow.
 */
export async function stepsAfterBackfill(
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

/** Returns a note for the report: when existing rows get their values. */
export function backfillNote(
  { known, column }: Pick<NewColumn, 'known' | 'column'>,
  { name }: RecipeBackfill,
): string {
  return `Existing rows have no ${known.name}.${column.name} until dbops migrate up runs the backfill ${name}, before the file that requires it.`;
}
