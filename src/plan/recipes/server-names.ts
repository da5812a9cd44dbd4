import { clipped, longestName } from '../../sql/name-length.ts';
import type { RecipeCatalog } from './recipe.ts';

/** The parts of a generated name: `orders_total_check`. */
export interface NameParts {
  schema: string;
  table: string;
  columns: readonly string[];
  label: 'key' | 'pkey' | 'idx' | 'check' | 'fkey' | 'not_null' | 'seq';
}

/**
 * Returns the name that the server generates (server sources, `ChooseConstraintName` and
 * `ChooseRelationName`): the first of `t_c_check`, `t_c_check1`, … that no object of the schema has.
 */
export async function generatedName(
  catalog: Pick<RecipeCatalog, 'takenNames'>,
  { schema, table, columns, label }: NameParts,
): Promise<string> {
  const isIndex = label === 'key' || label === 'pkey' || label === 'idx';
  const isRelation = isIndex || label === 'seq';
  const among = { relations: isRelation, constraints: label !== 'idx' && label !== 'seq' };
  const addition = columns.length > 0 ? additionOf(columns) : undefined;
  for (let first = 0; ; first += 10) {
    const numbers = Array.from({ length: 10 }, (_, at) => first + at);
    const names = numbers.map((n) => objectName(table, addition, `${label}${n || ''}`));
    const taken = await catalog.takenNames(schema, names, among);
    const free = names.find((name) => !taken.has(name));
    if (free !== undefined) return free;
  }
}

/** `makeObjectName()` of the server: the longer of both names is shortened first. */
function objectName(table: string, addition: string | undefined, label: string): string {
  const available = longestName - label.length - 1 - (addition === undefined ? 0 : 1);
  let [first, second] = [Buffer.byteLength(table), Buffer.byteLength(addition ?? '')];
  while (first + second > available)
    if (first > second) first -= 1;
    else second -= 1;
  const parts = [
    clipped(table, first),
    ...(addition === undefined ? [] : [clipped(addition, second)]),
  ];
  return [...parts, label].join('_');
}

/** `ChooseIndexNameAddition()` and `ChooseForeignKeyConstraintNameAddition()` of the server. */
function additionOf(columns: readonly string[]): string {
  let addition = '';
  for (const column of columns) {
    addition += addition ? `_${column}` : column;
    if (Buffer.byteLength(addition) > longestName) break;
  }
  return addition;
}
