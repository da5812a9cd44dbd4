import { onlyPiece } from './altered-table.ts';
import { alone, stepsOf, type Recipe } from './recipe.ts';

/** CREATE INDEX takes SHARE, which blocks writes while the index is built. */
export const indexConcurrently: Recipe = {
  name: 'index-concurrently',
  summary: 'Create the index CONCURRENTLY, which blocks neither reads nor writes.',
  async rewrite(statement, { catalog }) {
    const piece = onlyPiece(statement, 'create-index');
    if (!piece || piece.index.isConcurrent) return undefined;
    const known = await catalog.table(piece.table);
    if (known?.isPartitioned) return undefined; // the server rejects CONCURRENTLY
    const isOnly = 'IndexStmt' in statement.node && statement.node.IndexStmt.relation?.inh !== true;
    return isOnly ? undefined : stepsOf(alone(piece.index.concurrently));
  },
};
