import type { Node } from 'libpg-query';
import { parse } from './statements.ts';

/** A call of a function that is evaluated for each row. */
export interface RepeatedCall {
  /** As it is called, such as `auth.uid`. */
  name: string;
  /** The whole call in the expression, in bytes. */
  start: number;
  end: number;
}

const opening = 'SELECT (';

/**
 * Returns the calls of these functions that are outside of subqueries, and whose arguments contain no column:
 * a subquery around such a call is evaluated once for each statement.
 *
 * @param names with their schemas, such as `auth.uid`; as the server writes them
 * @throws SqlSyntaxError
 */
export async function callsOutsideSubqueries(
  expression: string,
  names: ReadonlySet<string>,
): Promise<RepeatedCall[]> {
  if (![...names].some((name) => expression.includes(name))) return [];
  const sql = `${opening}${expression})`;
  const calls: { name: string; location: number }[] = [];
  visit(await parse(sql), (node) => {
    if ('SubLink' in node) return false;
    if (!('FuncCall' in node)) return true;
    const { funcname = [], location = 0, args = [] } = node.FuncCall;
    const name = funcname
      .flatMap((part) => ('String' in part ? (part.String.sval ?? []) : []))
      .join('.');
    if (!names.has(name) || hasColumn(args)) return true;
    calls.push({ name, location });
    return false;
  });
  if (calls.length === 0) return [];
  const { scanSync } = await import('libpg-query'); // its module is loaded since parse()
  const { tokens } = scanSync(sql);
  return calls.map(({ name, location }) => ({
    name,
    start: location - opening.length,
    end: endOfCall(tokens, location) - opening.length,
  }));
}

/** @param enter returns whether the parts of a node are visited */
function visit(value: unknown, enter: (node: Node) => boolean): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value) && !enter(value as Node)) return;
  for (const child of Object.values(value)) visit(child, enter);
}

function hasColumn(args: readonly Node[]): boolean {
  let isFound = false;
  visit(args, (node) => {
    isFound ||= 'ColumnRef' in node;
    return !isFound;
  });
  return isFound;
}

/** Returns the end of the parenthesis that opens after a position. */
function endOfCall(
  tokens: readonly { start: number; end: number; text: string }[],
  from: number,
): number {
  let depth = 0;
  for (const { start, end, text } of tokens) {
    if (start < from) continue;
    if (text === '(') depth += 1;
    if (text !== ')') continue;
    depth -= 1;
    if (depth === 0) return end;
  }
  return from;
}

/** Returns the expression with each of these calls in a subquery of its own. */
export function wrapCalls(expression: string, calls: readonly RepeatedCall[]): string {
  const bytes = Buffer.from(expression);
  const inOrder = calls.toSorted((one, other) => one.start - other.start);
  let at = 0;
  const pieces = inOrder.map(({ start, end }) => {
    const before = bytes.subarray(at, start).toString();
    at = end;
    return `${before}(SELECT ${bytes.subarray(start, end).toString()})`;
  });
  return pieces.join('') + bytes.subarray(at).toString();
}
