import { knownTable, onlyPiece } from './altered-table.ts';
import { constraintSteps } from './constraint-steps.ts';
import { stepsOf, type Recipe } from './recipe.ts';

/** ADD UNIQUE builds its index under ACCESS EXCLUSIVE. An index with the name of the constraint keeps its name. */
export const uniqueUsingIndex: Recipe = {
  name: 'unique-using-index',
  summary:
    'Build the index CONCURRENTLY, and add the unique constraint from it, which takes no time.',
  async rewrite(statement, facts) {
    const piece = onlyPiece(statement, 'add-constraint');
    if (piece?.constraint.kind !== 'unique') return undefined;
    const known = await knownTable(statement, piece.table, facts);
    const steps = known && (await constraintSteps({ ...piece, known }, facts));
    return steps && stepsOf(...steps);
  },
};
