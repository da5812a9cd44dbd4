import { quoteIdentifier as q, quoteName } from '../db/quote.ts';
import { copyOf, type RescueRecord } from './record.ts';
import type { Shape } from './shape.ts';

/**
 * Rows of a copy and of its table are matched by the text of their keys: under exact settings it
 * is the same on both sides, whatever the type, and NULL equals NULL. Rows without a key that are
 * alike are matched one to one.
 */
export function rowOf(key: readonly string[], alias?: string): string {
  const values = key.map(
    (column) => `${alias ? `${alias}.` : ''}${q(column)}::pg_catalog.text COLLATE pg_catalog."C"`,
  );
  return `ARRAY[${values.join(', ')}]::pg_catalog.text[]`;
}

type Key = Pick<RescueRecord, 'key' | 'isKeyed'>;

/** The n-th of the rows that are alike, in an order that copying keeps. */
function numbered({ key, isKeyed }: Key, order: string): string {
  const nth = isKeyed
    ? '1'
    : `pg_catalog.row_number() OVER (PARTITION BY ${rowOf(key)} ORDER BY ${order})`;
  return `${rowOf(key)} AS dbops_row, ${nth} AS dbops_nth`;
}

/** Where a row is stored: rewriting a table keeps the order, and so does this of its copy. */
export const storedOrder = 'tableoid, ctid';

/** The rows of the copy; `dbops_copy` finds each of them again. */
export function keptRows(record: Pick<RescueRecord, 'id' | 'key' | 'isKeyed'>): string {
  return `(SELECT *, ${numbered(record, 'dbops_order')}, ctid AS dbops_copy FROM ${copyOf(record)})`;
}

/** The rows of the table, with what finds each of them again. */
export function liveRows(shape: Shape, key: Key): string {
  const place =
    'ctid AS dbops_at, tableoid AS dbops_of, xmin::pg_catalog.text::bigint AS dbops_xid';
  return `(SELECT *, ${numbered(key, storedOrder)}, ${place} FROM ${ownRows(shape)})`;
}

/** SQL that is true of a row `k` of the copy and the row `l` of the table that it belongs to. */
export const isMatch =
  'k.dbops_row OPERATOR(pg_catalog.=) l.dbops_row AND k.dbops_nth OPERATOR(pg_catalog.=) l.dbops_nth';

/** The table as a FROM item: without the rows of tables that inherit from it, but of its partitions. */
export function ownRows({ schema, table, isPartitioned }: Shape): string {
  return `${isPartitioned ? '' : 'ONLY '}${quoteName({ schema, name: table })}`;
}
