import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { copyOf, type RescueRecord } from '../record.ts';
import { keyOf, type ForeignKey, type Shape } from '../table-shape.ts';
import type { RestoreTarget } from './row-outcome.ts';

/**
 * SQL that is true of a row whose parent is neither in the table that it refers to nor about to be.
 *
 * @param valueOf SQL of a column of the row; a foreign key of which it has none is not looked at
 */
export function isOrphan(
  { shape, together }: RestoreTarget,
  valueOf: (column: string) => string | undefined,
): string {
  const conditions = shape.foreignKeys.flatMap((key) => {
    const values = key.columns.map(valueOf);
    const known = values.filter((value) => value !== undefined);
    if (known.length < values.length) return [];
    const typed = known.map((value, at) => `${value}::${typeOf(shape, key.columns[at])}`);
    const parents = quoteName({ schema: key.target.schema, name: key.target.table });
    const isThere = [existsIn(parents, key, typed, '')];
    const copy = together.get(keyOf(key.target));
    if (copy) isThere.push(existsIn(copyOf(copy), key, known, '::pg_catalog.text'));
    // MATCH SIMPLE: a NULL refers to nothing.
    const isNull = known.map((value) => `${value} IS NULL`);
    return `NOT (${[...isNull, ...isThere].join(' OR ')})`;
  });
  return conditions.length > 0 ? `(${conditions.join(' OR ')})` : 'false';
}

function typeOf({ columns }: Shape, name = ''): string {
  return columns.find((column) => column.name === name)?.bareType ?? 'text';
}

/** @param cast both sides to it: the columns of a copy may be text */
function existsIn(
  source: string,
  { targetColumns, operators }: ForeignKey,
  values: readonly string[],
  cast: string,
): string {
  const equals = (at: number) => (cast ? 'OPERATOR(pg_catalog.=)' : operators[at]);
  const pairs = targetColumns.map(
    (column, at) => `p.${q(column)}${cast} ${equals(at)} ${values[at]}${cast}`,
  );
  return `EXISTS (SELECT FROM ${source} p WHERE ${pairs.join(' AND ')})`;
}

/** Returns the tables to restore, parents first; the rest refer to one another. */
export function inOrder(
  records: readonly RescueRecord[],
  shapes: ReadonlyMap<string, Shape>,
): { ordered: RescueRecord[]; cyclic: RescueRecord[] } {
  const ordered: RescueRecord[] = [];
  let rest = [...records];
  for (;;) {
    const names = new Set(rest.map(({ loss }) => keyOf(loss)));
    const isFree = ({ loss }: RescueRecord) =>
      (shapes.get(keyOf(loss))?.foreignKeys ?? []).every(
        ({ target }) => keyOf(target) === keyOf(loss) || !names.has(keyOf(target)),
      );
    const free = rest.filter(isFree);
    if (free.length === 0) return { ordered, cyclic: rest };
    ordered.push(...free);
    rest = rest.filter((record) => !free.includes(record));
  }
}
