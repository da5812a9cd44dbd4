import type { Node } from 'libpg-query';
import { stepsOf, together, type ParsedStatement, type Recipe } from './recipe.ts';

/** A backfill keeps the locks of the DDL before it for as long as it runs. */
export const backfillApart: Recipe = {
  name: 'backfill-apart',
  summary: 'Change rows in a file of their own, after the locks of the schema change are released.',
  rewrite({ node, sql, earlier, later }) {
    if (!isRowChange(node) || ![...earlier, ...later].some(isDdl)) return undefined;
    return {
      ...stepsOf(together(sql)),
      notes: ['To change the rows of a large table in batches, use dbops backfill instead.'],
    };
  },
};

function isRowChange(node: Node): boolean {
  return (
    'UpdateStmt' in node || 'DeleteStmt' in node || 'InsertStmt' in node || 'MergeStmt' in node
  );
}

function isDdl({ node }: ParsedStatement): boolean {
  return !isRowChange(node) && !('SelectStmt' in node) && !('VariableSetStmt' in node);
}
