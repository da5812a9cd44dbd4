import { quoteIdentifier } from '../../db/quote.ts';
import { type Hazard, type Rule, type RuleInput } from './rule.ts';

/** CREATE INDEX CONCURRENTLY that fails leaves an invalid index, which IF NOT EXISTS then keeps. */
export const indexIfNotExists: Rule = {
  name: 'index-if-not-exists',
  summary: 'CREATE INDEX CONCURRENTLY has no IF NOT EXISTS.',
  harm: 'An earlier attempt that failed leaves an invalid index of that name; with IF NOT EXISTS it stays, and no query uses it.',
  cure: 'Remove IF NOT EXISTS: dbops drops the invalid index of an interrupted run itself.',
  example: 'CREATE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users (name);',
  find({ node, facts }: RuleInput): Hazard[] {
    if (!node || !('IndexStmt' in node)) return [];
    const { idxname = '', if_not_exists: isLenient, concurrent } = node.IndexStmt;
    if (!isLenient || !concurrent) return [];
    const indexes = (facts?.tables ?? []).flatMap(({ indexes: all }) => all);
    const isInvalid = indexes.some(({ name, isValid }) => name === idxname && !isValid);
    return [
      {
        object: idxname,
        message: isInvalid
          ? `An invalid index ${idxname} exists, and IF NOT EXISTS keeps it.`
          : `IF NOT EXISTS keeps an invalid index ${idxname} that an interrupted build left.`,
        help: isInvalid
          ? `Drop it first: DROP INDEX CONCURRENTLY ${quoteIdentifier(idxname)}`
          : indexIfNotExists.cure,
      },
    ];
  },
};
