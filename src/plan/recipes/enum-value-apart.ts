import { quoteLiteral } from '../../db/quote.ts';
import { stepsOf, together, type Recipe } from './recipe.ts';

/** A new label of an enum type cannot be used in the transaction that adds it (SQLSTATE 55P04). */
export const enumValueApart: Recipe = {
  name: 'enum-value-apart',
  summary: 'Add the enum value in a file of its own, and use it in a later one.',
  rewrite({ node, sql, later }) {
    if (!('AlterEnumStmt' in node) || node.AlterEnumStmt.oldVal) return undefined;
    const literal = quoteLiteral(node.AlterEnumStmt.newVal ?? '');
    return later.some((each) => each.sql.includes(literal)) ? stepsOf(together(sql)) : undefined;
  },
};
