import { partsOf, newColumn } from './added-column.ts';
import { onlyPiece } from './altered-table.ts';
import type { ParsedStatement, RecipeFacts } from './recipe.ts';

/**
 * Returns what to do about a command for which no recipe makes the same schema; undefined where dbops knows
 * nothing better.
 */
export async function adviceFor(
  statement: ParsedStatement,
  facts: RecipeFacts,
): Promise<string | undefined> {
  const added = await newColumn(statement, facts);
  if (added) {
    const { known, column, definition } = added;
    const place = `${known.name}.${column.name}`;
    if (partsOf(definition).some(({ contype }) => contype === 'CONSTR_GENERATED'))
      return generatedAdvice(place, facts);
    if (column.isNotNull && !column.isFilled && !column.default)
      return `${place}: existing rows need a value before the column is NOT NULL. dbops migrate expand-contract ${facts.migration} splits the migration, and writes the backfill.`;
    return undefined;
  }
  const constraint = onlyPiece(statement, 'add-constraint')?.constraint;
  if (constraint && /^exclude\b/i.test(constraint.sql))
    return 'No version of PostgreSQL builds an exclusion constraint without blocking writes. Apply it in a maintenance window, or create a new table with the constraint, and copy the rows.';
  const type = onlyPiece(statement, 'alter-type');
  return (
    type &&
    `${type.table.name}.${type.column}: a change of type that rewrites the table needs a new column beside the old one. dbops migrate expand-contract ${facts.migration} splits the migration, and writes the backfill.`
  );
}

/** No PostgreSQL makes a plain column a generated one, so that such a column can only be added with a rewrite. */
function generatedAdvice(place: string, { major }: Pick<RecipeFacts, 'major'>): string {
  const virtual =
    major >= 18
      ? ' Where no index, foreign key or publication needs the column, add it as VIRTUAL instead of STORED: that takes no time.'
      : '';
  return `${place}: a STORED column is computed for every row under ACCESS EXCLUSIVE.${virtual} ${virtual ? 'Otherwise add' : 'Add'} a plain column that a trigger computes for rows that are written, and fill the others with dbops backfill run.`;
}
