import { stepsOf, together, type Recipe } from './recipe.ts';

/** A long query blocks nobody itself, and keeps the locks of the statements before it while it runs. */
export const workApart: Recipe = {
  name: 'work-apart',
  summary:
    'Run a long query in a file of its own, after the locks of the statements before it are released.',
  rewrite({ node, sql, earlier }, { isHeldOnly }) {
    // DDL on a table that is locked already needs that lock itself.
    const isQuery = 'CreateTableAsStmt' in node || 'SelectStmt' in node || 'CopyStmt' in node;
    return isHeldOnly && isQuery && earlier.length > 0 ? stepsOf(together(sql)) : undefined;
  },
};
