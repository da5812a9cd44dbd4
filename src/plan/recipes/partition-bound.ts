import type { Node, PartitionBoundSpec } from 'libpg-query';
import { quoteIdentifier as q } from '../../db/quote.ts';
import type { KnownTable } from './recipe.ts';

/**
 * Returns the condition of the rows of a partition, as SQL; undefined for a key that is not one column, and
 * for hash and default partitions.
 *
 * @param sql the statement that the bound is from
 */
export function readBound(
  sql: string,
  bound: PartitionBoundSpec | undefined,
  { partitionKey: [column, another], partitionStrategy }: KnownTable,
): string | undefined {
  if (!bound || bound.is_default || column === undefined || another !== undefined) return undefined;
  const key = q(column);
  if (partitionStrategy === 'range') return rangeOf(sql, key);
  if (partitionStrategy !== 'list' || (bound.listdatums ?? []).some(isNull)) return undefined;
  const values = inParentheses(sql, /\bfor\s+values\s+in\s*/i);
  return values && `${key} IS NOT NULL AND ${key} IN (${values})`;
}

function rangeOf(sql: string, key: string): string | undefined {
  const from = inParentheses(sql, /\bfor\s+values\s+from\s*/i);
  const to = inParentheses(sql, /\bfor\s+values\s+from\s*\([^]*\)\s*to\s*/i);
  if (from === undefined || to === undefined) return undefined;
  const limits = [
    `${key} IS NOT NULL`,
    ...(/^minvalue$/i.test(from) ? [] : [`${key} >= ${from}`]),
    ...(/^maxvalue$/i.test(to) ? [] : [`${key} < ${to}`]),
  ];
  return limits.join(' AND ');
}

function isNull(node: Node): boolean {
  return 'A_Const' in node && node.A_Const.isnull === true;
}

/** Returns the text in the parentheses after a pattern; strings may contain parentheses. */
function inParentheses(sql: string, before: RegExp): string | undefined {
  const found = before.exec(sql);
  if (!found) return undefined;
  const rest = sql.slice(found.index + found[0].length);
  if (!rest.startsWith('(')) return undefined;
  let depth = 0;
  let isQuoted = false;
  for (const [at, character] of [...rest].entries()) {
    if (character === "'") isQuoted = !isQuoted;
    if (isQuoted) continue;
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (depth === 0) return [...rest].slice(1, at).join('').trim();
  }
  return undefined;
}
