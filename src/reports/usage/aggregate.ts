import { measureOf } from './definition.ts';
import { isFloat, isInteger } from './prepare.ts';
import { rowsOf, type MeterRows } from './rows.ts';
import { op, type SqlContext, type IndexedMeter } from './sql.ts';

/**
 * Returns the SELECT of meters over the same rows, by subject. Of meters of unique values among several, it
 * has only the rows without a value.
 */
export function aggregateSql(context: SqlContext, group: readonly IndexedMeter[]): string {
  const rows = rowsOf(context, group);
  const [first, ...more] = group;
  if (first && more.length === 0 && measureOf(first.meter).kind === 'unique')
    return uniqueWithRestSql(rows);
  const columns = group.flatMap((each, at) => {
    const { used, uncounted } = aggregateOf(context, each, rows.values[at]);
    return [
      ...(used === undefined ? [] : [`${used} AS used_${at}`]),
      `${uncounted} AS uncounted_${at}`,
    ];
  });
  return `SELECT ${rows.key} AS key, pg_catalog.count(*) AS total, ${columns.join(', ')} FROM ${rows.source} GROUP BY 1`;
}

/** An aggregate, and that of the rows whose value it does not count. */
interface MeterAggregate {
  /** Absent for unique values, which have a SELECT of their own. */
  used?: string;
  uncounted: string;
}

/** Returns the aggregate of one meter, and the number of rows whose value it does not count. */
function aggregateOf(
  { types }: SqlContext,
  { name, meter }: IndexedMeter,
  value = '',
): MeterAggregate {
  const { kind } = measureOf(meter);
  if (kind === 'count') return { used: 'pg_catalog.count(*)', uncounted: '0' };
  const withoutValue = `pg_catalog.count(*) ${op('-')} pg_catalog.count(${value})`;
  if (kind === 'unique') return { uncounted: withoutValue };
  const type = types.get(`usage.meters.${name}.measure.${kind}`);
  const measured = isFloat(type) ? `${value}::pg_catalog.float8` : value;
  const aggregate = `pg_catalog.${kind}(${measured})`;
  if (isInteger(type)) return { used: aggregate, uncounted: withoutValue };
  const counted = `FILTER (WHERE ${isFinite(value)})`;
  return {
    used: `${aggregate} ${counted}`,
    uncounted: `pg_catalog.count(*) ${op('-')} pg_catalog.count(*) ${counted}`,
  };
}

/** NaN is greater than Infinity, so two comparisons leave out both, and NULL. */
export function isFinite(value: string): string {
  return `${value} ${op('<')} 'Infinity' AND ${value} ${op('>')} '-Infinity'`;
}

/**
 * Returns the SELECT of unique values by subject. Two levels of GROUP BY are hashed and run in parallel,
 * which count(DISTINCT) does not; a further aggregate among the pairs would make the hash larger by half.
 */
export function uniqueSql(context: SqlContext, measured: IndexedMeter): string {
  const { key, values, source } = rowsOf(context, [measured]);
  const pairs = `SELECT ${key} AS key, ${values[0] ?? ''} AS value FROM ${source} GROUP BY 1, 2`;
  return `SELECT key, pg_catalog.count(value) AS used FROM (${pairs}) AS dbops_value GROUP BY 1`;
}

/** The same with the number of all rows and of those without a value, by one scan. */
function uniqueWithRestSql({ key, values: [value = ''], source }: MeterRows): string {
  const pairs = `SELECT ${key} AS key, ${value} AS value, pg_catalog.count(*) AS times FROM ${source} GROUP BY 1, 2`;
  return `SELECT key, pg_catalog.sum(times) AS total, pg_catalog.count(value) AS used_0, COALESCE(pg_catalog.sum(times) FILTER (WHERE value IS NULL), 0) AS uncounted_0 FROM (${pairs}) AS dbops_value GROUP BY 1`;
}
