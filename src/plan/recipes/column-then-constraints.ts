import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { knownTable, onlyPiece } from './altered-table.ts';
import { constraintSteps } from './constraint-steps.ts';
import { stepsOf, together, type Recipe, type RecipeStep } from './recipe.ts';

/** ADD COLUMN with a constraint scans the table or builds an index under ACCESS EXCLUSIVE. */
export const columnThenConstraints: Recipe = {
  name: 'column-then-constraints',
  summary:
    'Add the column without its constraints, which takes no time, and then each constraint without a scan under a strong lock.',
  async rewrite(statement, facts) {
    const piece = onlyPiece(statement, 'add-column');
    const known = piece && (await knownTable(statement, piece.table, facts));
    if (!known) return undefined;
    const { name, type, isNotNull, isFilled, constraints, default: fallback } = piece.column;
    if (isFilled || constraints.length === 0) return undefined;
    if (fallback && (await facts.catalog.hasVolatile(fallback.functions))) return undefined;
    const definition = [
      q(name),
      type,
      fallback && `DEFAULT ${fallback.sql}`,
      isNotNull && 'NOT NULL',
    ];
    const steps: RecipeStep[] = [
      together(
        `ALTER TABLE ${quoteName(piece.table)} ADD COLUMN ${definition.filter(Boolean).join(' ')}`,
      ),
    ];
    for (const constraint of constraints) {
      const added = await constraintSteps({ table: piece.table, known, constraint }, facts);
      if (!added) return undefined;
      steps.push(...added);
    }
    return stepsOf(...steps);
  },
};
