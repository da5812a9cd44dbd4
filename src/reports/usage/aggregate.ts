import { measureOf } from './definition.ts';
import { isFloat, isInteger } from './prepare.ts';
import { rowsOf, type MeterRows } from './rows.ts';
import { op, type SqlContext, type IndexedMeter } from './sql.ts';

/** Returns the SELECT of meters over the same rows, by subject. */
export function aggregateSql(context: SqlContext, group: readonly IndexedMeter[]): string {
  const rows = rowsOf(context, group);
  const [first] = group;
  if (first && measureOf(first.meter).kind === 'unique') return uniqueSql(rows);
  const columns = group.flatMap((each, at) => {
    const [used, uncounted] = aggregateOf(context, each, rows.values[at]);
    return [`${used} AS used_${at}`, `${uncounted} AS uncounted_${at}`];
  });
  return `SELECT ${rows.key} AS key, pg_catalog.count(*) AS total, ${columns.join(', ')} FROM ${rows.source} GROUP BY 1`;
}

/** Returns the aggregate of one meter, and the number of rows whose value it does not count. */
function aggregateOf(
  { types }: SqlContext,
  { name, meter }: IndexedMeter,
  value = '',
): [used: string, uncounted: string] {
  const { kind } = measureOf(meter);
  if (kind === 'count') return ['pg_catalog.count(*)', '0'];
  const type = types.get(`usage.meters.${name}.measure.${kind}`);
  const measured = isFloat(type) ? `${value}::pg_catalog.float8` : value;
  const aggregate = `pg_catalog.${kind}(${measured})`;
  if (isInteger(type))
    return [aggregate, `pg_catalog.count(*) ${op('-')} pg_catalog.count(${value})`];
  const counted = `FILTER (WHERE ${isFinite(value)})`;
  return [
    `${aggregate} ${counted}`,
    `pg_catalog.count(*) ${op('-')} pg_catalog.count(*) ${counted}`,
  ];
}

/** NaN is greater than Infinity, so two comparisons leave out both, and NULL. */
export function isFinite(value: string): string {
  return `${value} ${op('<')} 'Infinity' AND ${value} ${op('>')} '-Infinity'`;
}

/** Two levels of GROUP BY are hashed and run in parallel, which count(DISTINCT) does not. */
function uniqueSql({ key, values: [value = ''], source }: MeterRows): string {
  const pairs = `SELECT ${key} AS key, ${value} AS value, pg_catalog.count(*) AS times FROM ${source} GROUP BY 1, 2`;
  return `SELECT key, pg_catalog.sum(times) AS total, pg_catalog.count(value) AS used_0, COALESCE(pg_catalog.sum(times) FILTER (WHERE value IS NULL), 0) AS uncounted_0 FROM (${pairs}) AS dbops_value GROUP BY 1`;
}
