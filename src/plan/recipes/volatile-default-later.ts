import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { filledByBackfill, newColumn, partsOf } from './added-column.ts';
import { together, type Recipe } from './recipe.ts';

/** A volatile default differs in every row, so that ADD COLUMN rewrites the table under ACCESS EXCLUSIVE. */
export const volatileDefaultLater: Recipe = {
  name: 'volatile-default-later',
  summary:
    'Add the column without a value, set its default for new rows, fill the existing rows in batches, and require the value afterwards.',
  async rewrite(statement, facts) {
    const added = await newColumn(statement, facts);
    if (!added) return undefined;
    const { name, type, isNotNull, default: fallback } = added.column;
    const isGenerated = partsOf(added.definition).some(
      ({ contype }) => contype === 'CONSTR_GENERATED' || contype === 'CONSTR_IDENTITY',
    );
    if (isGenerated || !fallback || !(await facts.catalog.hasVolatile(fallback.functions)))
      return undefined;
    const alter = `ALTER TABLE ${quoteName(added.table)}`;
    const first = together(
      `${alter} ADD COLUMN ${q(name)} ${type}`,
      `${alter} ALTER COLUMN ${q(name)} SET DEFAULT ${fallback.sql}`,
    );
    return filledByBackfill(
      added,
      { first, expression: fallback.sql, isRequired: isNotNull },
      facts,
    );
  },
};
