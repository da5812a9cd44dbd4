import { measureOf } from './definition.ts';
import { isFinite } from './aggregate.ts';
import { isInteger } from './prepare.ts';
import { amongSubjects, sameKey, windowConditions } from './rows.ts';
import { op, whereOf, wrapped, type SqlContext, type IndexedMeter } from './sql.ts';
import { windowOf } from './windows.ts';

/** Returns the SELECT of the last value of each subject. */
export function latestSql(context: SqlContext, measured: IndexedMeter): string {
  return context.indexed.has(measured.name)
    ? latestByIndex(context, measured)
    : latestByScan(context, measured);
}

interface LatestParts {
  key: string;
  at: string;
  value: string;
  isKnown: (value: string) => string;
  conditions: string[];
}

function latestParts(context: SqlContext, { name, meter }: IndexedMeter): LatestParts {
  const { sql: value = '' } = measureOf(meter);
  const type = context.types.get(`usage.meters.${name}.measure.latest`);
  return {
    key: wrapped(meter.subject),
    at: wrapped(meter.at ?? ''),
    value: wrapped(value),
    isKnown: (each) => (isInteger(type) ? `${each} IS NOT NULL` : isFinite(each)),
    conditions: [
      ...(meter.where ? [wrapped(meter.where)] : []),
      ...windowConditions(context, name, meter, windowOf(meter, context.request)),
    ],
  };
}

/**
 * Reads the last rows of each subject from an index. Only where none of them has a number, the last rows
 * that have one are read. Of several rows at the same time the greatest value counts.
 */
function latestByIndex(context: SqlContext, measured: IndexedMeter): string {
  const { key, at, value, isKnown, conditions } = latestParts(context, measured);
  const own = sameKey(context, measured.name, key);
  const last = (...further: string[]) =>
    `SELECT ${value} AS dbops_value FROM ${measured.meter.from}\n${whereOf([own, ...conditions, ...further])} ORDER BY ${at} DESC FETCH FIRST 1 ROW WITH TIES`;
  const newest = `SELECT pg_catalog.max(dbops_value) FILTER (WHERE ${isKnown('dbops_value')}) AS value, pg_catalog.count(*) AS total FROM (${last()}) AS dbops_row`;
  const earlier = `SELECT pg_catalog.max(dbops_value) AS value FROM (${last(isKnown(value), `dbops_newest.value IS NULL AND dbops_newest.total ${op('>')} 0`)}) AS dbops_row`;
  return `SELECT dbops_subject.key, dbops_newest.total, COALESCE(dbops_newest.value, dbops_earlier.value) AS used_0,
    CASE WHEN dbops_newest.value IS NULL THEN dbops_newest.total ELSE 0 END AS uncounted_0
    FROM dbops_subject CROSS JOIN LATERAL (${newest}) AS dbops_newest CROSS JOIN LATERAL (${earlier}) AS dbops_earlier
    WHERE dbops_newest.total ${op('>')} 0`;
}

/** Reads all rows twice, however many subjects there are: the times first, then the values at these times. */
function latestByScan(context: SqlContext, measured: IndexedMeter): string {
  const { key, at, value, isKnown, conditions } = latestParts(context, measured);
  const { request } = context;
  const { name, meter } = measured;
  const asked = request.subject === undefined ? [] : [amongSubjects(context, name, meter)];
  const all = [...conditions, ...asked, `${key} IS NOT NULL`];
  const times = `SELECT ${key} AS key, pg_catalog.max(${at}) AS newest, pg_catalog.max(${at}) FILTER (WHERE ${isKnown(value)}) AS known, pg_catalog.count(*) AS total FROM ${meter.from}\n${whereOf(all)} GROUP BY 1`;
  const values = `SELECT ${key} AS key, ${at} AS at, ${value} AS value FROM ${meter.from}\n${whereOf([...all, isKnown(value)])}`;
  return `SELECT dbops_time.key, dbops_time.total, pg_catalog.max(dbops_row.value) AS used_0,
    CASE WHEN dbops_time.known ${op('=')} dbops_time.newest THEN 0 ELSE 1 END AS uncounted_0
    FROM (${times}) AS dbops_time LEFT JOIN (${values}) AS dbops_row
      ON dbops_row.key ${op('=')} dbops_time.key AND dbops_row.at ${op('=')} dbops_time.known
    GROUP BY dbops_time.key, dbops_time.total, dbops_time.known, dbops_time.newest`;
}
