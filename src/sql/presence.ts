import type { Node } from 'libpg-query';
import { parse } from './statements.ts';

/**
 * Returns whether a condition is true of every row in which none of these columns is NULL.
 *
 * @param condition SQL of an expression
 */
export async function impliedByPresence(
  condition: string,
  columns: readonly string[],
): Promise<boolean> {
  const [{ stmt } = {}] = await parse(`SELECT (${condition})`);
  const [target] = stmt && 'SelectStmt' in stmt ? (stmt.SelectStmt.targetList ?? []) : [];
  const value = target && 'ResTarget' in target ? target.ResTarget.val : undefined;
  return value !== undefined && isImplied(value, columns);
}

function isImplied(node: Node, columns: readonly string[]): boolean {
  if ('NullTest' in node) {
    const { arg, nulltesttype } = node.NullTest;
    return nulltesttype === 'IS_NOT_NULL' && isColumn(arg, columns);
  }
  if ('A_Const' in node) return node.A_Const.boolval?.boolval === true;
  if (!('BoolExpr' in node)) return false;
  const { boolop, args = [] } = node.BoolExpr;
  if (boolop === 'AND_EXPR') return args.every((each) => isImplied(each, columns));
  if (boolop === 'OR_EXPR') return args.some((each) => isImplied(each, columns));
  const [negated] = args;
  return (
    negated !== undefined &&
    'NullTest' in negated &&
    negated.NullTest.nulltesttype === 'IS_NULL' &&
    isColumn(negated.NullTest.arg, columns)
  );
}

/** The server prints the columns of a condition without their table. */
function isColumn(node: Node | undefined, columns: readonly string[]): boolean {
  if (!node || !('ColumnRef' in node)) return false;
  const [field, further] = node.ColumnRef.fields ?? [];
  const name = field && 'String' in field ? field.String.sval : undefined;
  return further === undefined && name !== undefined && columns.includes(name);
}
