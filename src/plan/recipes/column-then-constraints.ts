import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { newColumn } from './added-column.ts';
import { constraintSteps } from './constraint-steps.ts';
import { notesOnForeignKey } from './foreign-key-index.ts';
import { stepsOf, together, type Recipe, type RecipeStep } from './recipe.ts';

/** ADD COLUMN with a constraint scans the table or builds an index under ACCESS EXCLUSIVE. */
export const columnThenConstraints: Recipe = {
  name: 'column-then-constraints',
  summary:
    'Add the column without its constraints, which takes no time, and then each constraint without a scan under a strong lock.',
  async rewrite(statement, facts) {
    const added = await newColumn(statement, facts);
    if (!added) return undefined;
    const { table, known, column, constraints } = added;
    const { name, type, isNotNull, isFilled, default: fallback } = column;
    // Without a default, NOT NULL fails on existing rows.
    if (isFilled || constraints.length === 0 || (isNotNull && !fallback)) return undefined;
    if (fallback && (await facts.catalog.hasVolatile(fallback.functions))) return undefined;
    const definition = [
      q(name),
      type,
      fallback && `DEFAULT ${fallback.sql}`,
      isNotNull && 'NOT NULL',
    ];
    const steps: RecipeStep[] = [
      together(
        `ALTER TABLE ${quoteName(table)} ADD COLUMN ${definition.filter(Boolean).join(' ')}`,
      ),
    ];
    for (const constraint of constraints) {
      const further = await constraintSteps({ table, known, constraint }, facts);
      if (!further) return undefined;
      steps.push(...further);
    }
    const isUnique = constraints.some(({ kind }) => kind === 'unique');
    const notes = isUnique
      ? []
      : constraints.flatMap((each) =>
          notesOnForeignKey({ table, known, constraint: each }, statement),
        );
    return { ...stepsOf(...steps), notes };
  },
};
