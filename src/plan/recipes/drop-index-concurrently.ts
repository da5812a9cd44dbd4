import { quoteName } from '../../db/quote.ts';
import { nameFrom, pathOf } from '../../sql/non-transactional.ts';
import { alone, stepsOf, type Recipe } from './recipe.ts';

/** DROP INDEX takes ACCESS EXCLUSIVE, and waits for every reader of the table while others wait for it. */
export const dropIndexConcurrently: Recipe = {
  name: 'drop-index-concurrently',
  summary: 'Drop the index CONCURRENTLY, which blocks neither reads nor writes.',
  async rewrite({ node }, { catalog }) {
    if (!('DropStmt' in node) || node.DropStmt.removeType !== 'OBJECT_INDEX') return undefined;
    const { objects = [], concurrent, behavior, missing_ok: mayBeMissing } = node.DropStmt;
    if (concurrent || behavior === 'DROP_CASCADE') return undefined;
    const statements: string[] = [];
    for (const object of objects) {
      const name = nameFrom(pathOf(object));
      const known = await catalog.index(name);
      if (known?.isPartitioned || known?.isOwned || (!known && !mayBeMissing)) return undefined;
      statements.push(
        `DROP INDEX CONCURRENTLY ${mayBeMissing ? 'IF EXISTS ' : ''}${quoteName(name)}`,
      );
    }
    return stepsOf(alone(...statements));
  },
};
