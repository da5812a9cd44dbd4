import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { knownTable, onlyPiece } from './altered-table.ts';
import { indexOfConstraint } from '../../sql/constraint-index.ts';
import { constraintName, notNullSteps } from './constraint-steps.ts';
import { alone, stepsOf, together, type Recipe, type RecipeStep } from './recipe.ts';

/** ADD PRIMARY KEY scans the table and builds its index under ACCESS EXCLUSIVE. */
export const primaryKeyUsingIndex: Recipe = {
  name: 'primary-key-using-index',
  summary:
    'Set the columns NOT NULL without a scan, build the index CONCURRENTLY, and add the primary key from it, which takes no time.',
  async rewrite(statement, facts) {
    const piece = onlyPiece(statement, 'add-constraint');
    if (piece?.constraint.kind !== 'primary' || piece.constraint.isOnline) return undefined;
    const known = await knownTable(statement, piece.table, facts);
    if (!known || known.isPartitioned || known.hasHeirs) return undefined;
    const name = await constraintName({ ...piece, known }, facts);
    const index = await indexOfConstraint(piece, name);
    if (!index) return undefined;
    const required: RecipeStep[] = [];
    for (const column of piece.constraint.columns.filter((each) => !known.notNull.has(each)))
      required.push(...(await notNullSteps({ table: piece.table, known }, column, facts)));
    const add = `ALTER TABLE ${quoteName(piece.table)} ADD CONSTRAINT ${q(name)} PRIMARY KEY USING INDEX ${q(name)}${index.attributes}`;
    return stepsOf(...required, alone(index.create), together(add));
  },
};
