import { alone, stepsOf, type Recipe } from './recipe.ts';

/** REINDEX takes SHARE on the table, and ACCESS EXCLUSIVE on the index, for which every plan waits. */
export const reindexConcurrently: Recipe = {
  name: 'reindex-concurrently',
  summary: 'Rebuild the index CONCURRENTLY, which blocks neither reads nor writes.',
  rewrite({ node, sql }) {
    if (!('ReindexStmt' in node) || node.ReindexStmt.kind === 'REINDEX_OBJECT_SYSTEM')
      return undefined;
    if (JSON.stringify(node.ReindexStmt.params ?? []).includes('"concurrently"')) return undefined;
    const target = /^(reindex\s*(?:\([^)]*\)\s*)?(?:index|table|schema|database))\b/i;
    if (!target.test(sql)) return undefined;
    return {
      ...stepsOf(alone(sql.replace(target, '$1 CONCURRENTLY'))),
      notes: ['After a failure, drop the invalid index whose name ends in _ccnew.'],
    };
  },
};
