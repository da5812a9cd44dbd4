import { knownTable, onlyPiece } from './altered-table.ts';
import { constraintSteps } from './constraint-steps.ts';
import { stepsOf, type Recipe } from './recipe.ts';

/** ADD CHECK scans the table under ACCESS EXCLUSIVE; VALIDATE scans it under SHARE UPDATE EXCLUSIVE. */
export const checkNotValid: Recipe = {
  name: 'check-not-valid',
  summary:
    'Add the CHECK as NOT VALID, which scans no rows, and validate it in another transaction, which blocks neither reads nor writes.',
  async rewrite(statement, facts) {
    const piece = onlyPiece(statement, 'add-constraint');
    if (piece?.constraint.kind !== 'check') return undefined;
    const known = await knownTable(statement, piece.table, facts);
    const steps = known && (await constraintSteps({ ...piece, known }, facts));
    return steps && stepsOf(...steps);
  },
};
