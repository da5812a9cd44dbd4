import type { Node } from 'libpg-query';
import { parse } from './statements.ts';

/** The value of an SQL expression. */
type Value = boolean | number | string | null;

/**
 * Returns whether an expression is true whatever the row, such as `1 = 1` and `true OR owner = 7`.
 * Functions and columns are not evaluated.
 *
 * @throws SqlSyntaxError
 */
export async function isAlwaysTrue(expression: string): Promise<boolean> {
  const [{ stmt } = {}] = await parse(`SELECT (${expression})`);
  return stmt !== undefined && 'SelectStmt' in stmt && valueOfSelect(stmt.SelectStmt) === true;
}

type Select = Extract<Node, { SelectStmt: unknown }>['SelectStmt'];

function valueOfSelect({ targetList = [], ...rest }: Select): Value | undefined {
  const isPlain = Object.keys(rest).every((key) => ['limitOption', 'op'].includes(key));
  const [target, further] = targetList;
  if (!isPlain || further || !target || !('ResTarget' in target)) return undefined;
  return valueOf(target.ResTarget.val);
}

/** Returns the value that does not depend on a row; undefined where it is not known. */
function valueOf(node: Node | undefined): Value | undefined {
  if (!node) return undefined;
  if ('A_Const' in node) return valueOfConstant(node.A_Const);
  if ('TypeCast' in node) return valueOfCast(node.TypeCast);
  if ('BoolExpr' in node) return valueOfBoolean(node.BoolExpr);
  if ('A_Expr' in node) return valueOfComparison(node.A_Expr);
  if ('NullTest' in node) {
    const value = valueOf(node.NullTest.arg);
    return value === undefined ? undefined : (value === null) === isNull(node.NullTest);
  }
  if ('BooleanTest' in node) return valueOfTest(node.BooleanTest);
  if ('CoalesceExpr' in node) {
    const values = (node.CoalesceExpr.args ?? []).map(valueOf);
    return values.find((value) => value !== null);
  }
  if ('SubLink' in node) {
    const { subLinkType, subselect } = node.SubLink;
    const isValue = subLinkType === 'EXPR_SUBLINK' && subselect && 'SelectStmt' in subselect;
    return isValue ? valueOfSelect(subselect.SelectStmt) : undefined;
  }
  return undefined;
}

function isNull({ nulltesttype }: Extract<Node, { NullTest: unknown }>['NullTest']): boolean {
  return nulltesttype === 'IS_NULL';
}

/** The parser leaves out zero, false and the empty string. */
function valueOfConstant(constant: Extract<Node, { A_Const: unknown }>['A_Const']) {
  if (constant.isnull) return null;
  if (constant.boolval) return constant.boolval.boolval ?? false;
  if (constant.ival) return constant.ival.ival ?? 0;
  if (constant.fval) return Number(constant.fval.fval ?? 0);
  return constant.sval ? (constant.sval.sval ?? '') : undefined;
}

const integers = new Set(['int2', 'int4', 'int8', 'numeric']);
const texts = new Set(['text', 'varchar']);

function valueOfCast({ arg, typeName }: Extract<Node, { TypeCast: unknown }>['TypeCast']) {
  const value = valueOf(arg);
  const last = typeName?.names?.at(-1);
  const type = last && 'String' in last ? (last.String.sval ?? '') : '';
  if (value === undefined || value === null) return value;
  if (type === 'bool') return booleanOf(value);
  if (integers.has(type)) return typeof value === 'boolean' ? undefined : Number(value);
  return texts.has(type) && typeof value === 'string' ? value : undefined;
}

/** The words that the server reads as a boolean. */
function booleanOf(value: boolean | number | string): boolean | undefined {
  if (typeof value !== 'string') return Boolean(value);
  const word = value.trim().toLowerCase();
  if (/^(?:t|tr|tru|true|y|ye|yes|on|1)$/.test(word)) return true;
  return /^(?:f|fa|fal|fals|false|n|no|of|off|0)$/.test(word) ? false : undefined;
}

/** SQL has three truth values: a known one decides AND and OR, whatever the others are. */
function valueOfBoolean({ boolop, args = [] }: Extract<Node, { BoolExpr: unknown }>['BoolExpr']) {
  const values = args.map(valueOf);
  if (boolop === 'NOT_EXPR') {
    const [value] = values;
    return typeof value === 'boolean' ? !value : (value ?? undefined);
  }
  const deciding = boolop === 'OR_EXPR';
  if (values.includes(deciding)) return deciding;
  return values.every((value) => value === !deciding) ? !deciding : undefined;
}

function valueOfTest({
  arg,
  booltesttype,
}: Extract<Node, { BooleanTest: unknown }>['BooleanTest']) {
  const value = valueOf(arg);
  if (value === undefined) return undefined;
  if (booltesttype === 'IS_TRUE') return value === true;
  if (booltesttype === 'IS_NOT_TRUE') return value !== true;
  if (booltesttype === 'IS_FALSE') return value === false;
  return booltesttype === 'IS_NOT_FALSE' ? value !== false : undefined;
}

/** The order of texts depends on their collation; whether they are equal does not. */
function valueOfComparison({
  kind,
  name = [],
  lexpr,
  rexpr,
}: Extract<Node, { A_Expr: unknown }>['A_Expr']) {
  const [left, right] = [valueOf(lexpr), valueOf(rexpr)];
  const last = name.at(-1);
  const operator = last && 'String' in last ? (last.String.sval ?? '') : '';
  if (kind !== 'AEXPR_OP' || left === undefined || right === undefined) return undefined;
  if (left === null || right === null) return null;
  if (typeof left !== typeof right) return undefined;
  if (operator === '=') return left === right;
  if (operator === '<>') return left !== right;
  if (typeof left !== 'number' || typeof right !== 'number') return undefined;
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  if (operator === '>') return left > right;
  return operator === '>=' ? left >= right : undefined;
}
