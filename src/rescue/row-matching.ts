import { quoteIdentifier as q, quoteName } from '../db/quote.ts';
import { copyOf, type RescueRecord } from './record.ts';
import type { Shape } from './table-shape.ts';

/**
 * Rows of a copy and of its table are matched by the text of their keys: under exact settings it is
 * equal on both sides, whatever the type, and NULL equals NULL. Equal rows without a key are
 * matched one to one.
 */
export function rowOf(key: readonly string[], alias?: string): string {
  const values = key.map(
    (column) => `${alias ? `${alias}.` : ''}${q(column)}::pg_catalog.text COLLATE pg_catalog."C"`,
  );
  return `ARRAY[${values.join(', ')}]::pg_catalog.text[]`;
}

type Key = Pick<RescueRecord, 'key' | 'isKeyed'>;

/** The number of a row among equal rows, in an order that copying preserves. */
function numbered({ key, isKeyed }: Key, order: string): string {
  const nth = isKeyed
    ? '1'
    : `pg_catalog.row_number() OVER (PARTITION BY ${rowOf(key)} ORDER BY ${order})`;
  return `${rowOf(key)} AS dbops_row, ${nth} AS dbops_nth`;
}

/** The position of a row: rewriting a table preserves the order, and so does its copy. */
export const storedOrder = 'tableoid, ctid';

/** Returns the rows of the copy; `dbops_copy` identifies each of them. */
export function keptRows(record: Pick<RescueRecord, 'id' | 'key' | 'isKeyed'>): string {
  return `(SELECT *, ${numbered(record, 'dbops_order')}, ctid AS dbops_copy FROM ${copyOf(record)})`;
}

/** Returns the rows of the table, with their identification. */
export function liveRows(shape: Shape, key: Key): string {
  const place =
    'ctid AS dbops_at, tableoid AS dbops_of, xmin::pg_catalog.text::bigint AS dbops_xid';
  return `(SELECT *, ${numbered(key, storedOrder)}, ${place} FROM ${ownRows(shape)})`;
}

/** Returns an SQL condition that matches a row `k` of the copy with the row `l` of the table. */
export const isMatch =
  'k.dbops_row OPERATOR(pg_catalog.=) l.dbops_row AND k.dbops_nth OPERATOR(pg_catalog.=) l.dbops_nth';

/** Returns the table as a FROM item: without rows of inheriting tables, but with its partitions. */
export function ownRows({ schema, table, isPartitioned }: Shape): string {
  return `${isPartitioned ? '' : 'ONLY '}${quoteName({ schema, name: table })}`;
}
