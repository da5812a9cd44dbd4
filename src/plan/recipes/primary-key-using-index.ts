import { knownTable, onlyPiece } from './altered-table.ts';
import { constraintSteps } from './constraint-steps.ts';
import { stepsOf, type Recipe } from './recipe.ts';

/** ADD PRIMARY KEY scans the table and builds its index under ACCESS EXCLUSIVE. */
export const primaryKeyUsingIndex: Recipe = {
  name: 'primary-key-using-index',
  summary:
    'Set the columns NOT NULL without a scan, build the index CONCURRENTLY, and add the primary key from it, which takes no time.',
  async rewrite(statement, facts) {
    const piece = onlyPiece(statement, 'add-constraint');
    if (piece?.constraint.kind !== 'primary') return undefined;
    const known = await knownTable(statement, piece.table, facts);
    if (!known || known.hasHeirs) return undefined;
    const steps = await constraintSteps({ ...piece, known }, facts);
    // Its own primary key marks NOT NULL as local to the partition, which the server does not undo.
    const differs =
      known.isPartitioned && facts.major >= 18
        ? `${known.name}: each partition has NOT NULL of ${piece.constraint.columns.join(', ')} as a constraint of its own too, and keeps it if that of the parent is dropped.`
        : undefined;
    return steps && { ...stepsOf(...steps), ...(differs !== undefined && { differs }) };
  },
};
