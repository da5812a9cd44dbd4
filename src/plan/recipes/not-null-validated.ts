import { knownTable, onlyPiece } from './altered-table.ts';
import { notNullSteps } from './constraint-steps.ts';
import { stepsOf, type Recipe } from './recipe.ts';

/** SET NOT NULL scans the table under ACCESS EXCLUSIVE unless a valid constraint proves it. */
export const notNullValidated: Recipe = {
  name: 'not-null-validated',
  summary:
    'Add NOT NULL as NOT VALID (before PostgreSQL 18: as a CHECK), validate it in another transaction, and then set it without a scan.',
  async rewrite(statement, facts) {
    const piece = onlyPiece(statement, 'set-not-null');
    const known = piece && (await knownTable(statement, piece.table, facts));
    if (!known || known.notNull.has(piece.column)) return undefined;
    const steps = await notNullSteps({ table: piece.table, known }, piece.column, facts);
    return {
      ...stepsOf(...steps),
      notes: [
        `A row without a value in ${known.name}.${piece.column} makes the validation fail: fill such rows first, with dbops backfill run NAME.`,
      ],
    };
  },
};
