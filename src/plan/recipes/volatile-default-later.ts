import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { knownTable, onlyPiece } from './altered-table.ts';
import { constraintSteps, notNullSteps } from './constraint-steps.ts';
import { stepsOf, together, type Recipe } from './recipe.ts';

/** A volatile default differs in every row, so that ADD COLUMN rewrites the table under ACCESS EXCLUSIVE. */
export const volatileDefaultLater: Recipe = {
  name: 'volatile-default-later',
  summary:
    'Add the column without a value, set its default for new rows, fill the existing rows in batches, and require the value afterwards.',
  async rewrite(statement, facts) {
    const piece = onlyPiece(statement, 'add-column');
    const known = piece && (await knownTable(statement, piece.table, facts));
    if (!known) return undefined;
    const { table, column } = piece;
    const { name, type, isNotNull, isFilled, constraints, default: fallback } = column;
    if (isFilled || !fallback || !(await facts.catalog.hasVolatile(fallback.functions)))
      return undefined;
    const alter = `ALTER TABLE ${quoteName(table)}`;
    const steps = [
      together(
        `${alter} ADD COLUMN ${q(name)} ${type}`,
        `${alter} ALTER COLUMN ${q(name)} SET DEFAULT ${fallback.sql}`,
      ),
    ];
    if (isNotNull) steps.push(...(await notNullSteps({ table, known }, name, facts)));
    for (const constraint of constraints) {
      const added = await constraintSteps({ table, known, constraint }, facts);
      if (!added) return undefined;
      steps.push(...added);
    }
    return {
      ...stepsOf(...steps),
      notes: [
        `After the first file, existing rows have no ${known.name}.${name}: fill them before the next one. dbops migrate expand-contract NAME writes the backfill.`,
      ],
    };
  },
};
