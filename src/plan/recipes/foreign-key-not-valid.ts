import { knownTable, onlyPiece } from './altered-table.ts';
import { constraintSteps } from './constraint-steps.ts';
import { notesOnForeignKey } from './foreign-key-index.ts';
import { stepsOf, type Recipe } from './recipe.ts';

/** ADD FOREIGN KEY scans both tables under SHARE ROW EXCLUSIVE; VALIDATE scans them under weaker locks. */
export const foreignKeyNotValid: Recipe = {
  name: 'foreign-key-not-valid',
  summary:
    'Add the foreign key as NOT VALID, which scans no rows, and validate it in another transaction, which blocks neither reads nor writes.',
  async rewrite(statement, facts) {
    const piece = onlyPiece(statement, 'add-constraint');
    if (piece?.constraint.kind !== 'foreign-key') return undefined;
    const known = await knownTable(statement, piece.table, facts);
    const steps = known && (await constraintSteps({ ...piece, known }, facts));
    return (
      steps && { ...stepsOf(...steps), notes: notesOnForeignKey({ ...piece, known }, statement) }
    );
  },
};
