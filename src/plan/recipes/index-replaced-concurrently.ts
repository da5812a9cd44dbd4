import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { nameFrom, pathOf } from '../../sql/non-transactional.ts';
import { indexUnderName } from './index-text.ts';
import { alone, stepsOf, together, type Recipe } from './recipe.ts';

/** DROP INDEX and CREATE INDEX of one name leave queries without an index, and block writes during the build. */
export const indexReplacedConcurrently: Recipe = {
  name: 'index-replaced-concurrently',
  summary:
    'Build the new index CONCURRENTLY under a temporary name, drop the old one CONCURRENTLY, and rename the new one.',
  async rewrite({ node, later }, { catalog }) {
    if (!('DropStmt' in node) || node.DropStmt.removeType !== 'OBJECT_INDEX') return undefined;
    const { objects: [object, another] = [], concurrent, behavior } = node.DropStmt;
    if (!object || another || concurrent || behavior === 'DROP_CASCADE') return undefined;
    const old = nameFrom(pathOf(object));
    const known = await catalog.index(old);
    if (!known || known.isPartitioned || known.isOwned) return undefined;
    const successor = later.find(
      (each) => 'IndexStmt' in each.node && each.node.IndexStmt.idxname === old.name,
    );
    const piece = successor?.pieces[0];
    if (piece?.kind !== 'create-index' || !successor) return undefined;
    const table = await catalog.table(piece.table);
    if (!table || table.isPartitioned || table.schema !== known.schema) return undefined;
    const temporary = `${old.name.slice(0, 50)}_new`;
    const create = await indexUnderName(piece.index.concurrently, temporary);
    const renamed = quoteName({ schema: known.schema, name: temporary });
    return {
      ...stepsOf(
        alone(create, `DROP INDEX CONCURRENTLY ${quoteName(old)}`),
        together(`ALTER INDEX ${renamed} RENAME TO ${q(old.name)}`),
      ),
      replaces: [successor.offset],
    };
  },
};
