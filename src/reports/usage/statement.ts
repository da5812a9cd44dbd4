import { isLimitsTable, measureOf, type Meter, type Usage } from './definition.ts';
import { aggregateSql, uniqueSql } from './aggregate.ts';
import { latestSql } from './latest.ts';
import { withoutSubject } from './rows.ts';
import {
  asText,
  op,
  Parameters,
  whereOf,
  wrapped,
  type SqlContext,
  type IndexedMeter,
  type UsageQuery,
} from './sql.ts';
import { reportEnd, reportPeriod, windowOf, type UsageRequest } from './windows.ts';

/** What a row of the statement is: a subject, a limit, or the figures of the meter with this index. */
export const rowKinds = { subject: -1, limit: -2 } as const;

/** A part of the statement: SQL of CTEs, and of its rows. */
interface StatementPart {
  ctes?: string[];
  selects: string[];
}

/**
 * Returns one statement for a whole report. Every meter is aggregated by subject in a CTE of its own, or
 * with the meters of the same rows; figures meet subjects and limits in `linesOf`, by the text of the id.
 */
export function usageStatement(query: UsageQuery): { sql: string; values: string[] } {
  const parameters = new Parameters();
  const context: SqlContext = { ...query, parameters };
  const parts: StatementPart[] = [
    {
      ctes: [subjectsCte(context)],
      selects: [
        `SELECT ${rowKinds.subject} AS kind, key, name AS a, slug AS b, plan AS c, billing AS d FROM dbops_subject`,
      ],
    },
    ...limitsPart(context),
    ...groupsOf(context).map((group, at) => meterPart(context, group, `dbops_meter_${at}`)),
  ];
  const ctes = parts.flatMap((part) => part.ctes ?? []);
  const selects = parts.flatMap((part) => part.selects);
  const sql = `WITH ${ctes.join(',\n')}\n${selects.join('\nUNION ALL\n')}`;
  return { sql, values: parameters.values };
}

function subjectsCte({ usage, request, parameters }: SqlContext): string {
  const { from, id, name = id, slug, plan, where, billing } = usage.subjects;
  const columns = [
    `${wrapped(id)} AS id`,
    `${asText(wrapped(id))} AS key`,
    `${asText(wrapped(name))} AS name`,
    `${slug ? asText(wrapped(slug)) : 'NULL::pg_catalog.text'} AS slug`,
    `${plan ? asText(wrapped(plan)) : 'NULL::pg_catalog.text'} AS plan`,
    ...billingColumns(billing, request, parameters),
  ];
  const asked = request.subject === undefined ? [] : [askedFor(usage, request.subject, parameters)];
  const conditions = [...(where ? [wrapped(where)] : []), ...asked];
  return `dbops_subject AS MATERIALIZED (SELECT ${columns.join(', ')} FROM ${from}\n${whereOf(conditions)})`;
}

function askedFor({ subjects }: Usage, asked: string, parameters: Parameters): string {
  const value = parameters.add(asked, 'text');
  const either = [subjects.id, ...(subjects.slug ? [subjects.slug] : [])];
  return `(${either.map((sql) => `${asText(wrapped(sql))} ${op('=')} ${value}`).join(' OR ')})`;
}

/** Where a subject has no billing period, its period is that of the report. */
function billingColumns(
  billing: Usage['subjects']['billing'],
  request: UsageRequest,
  parameters: Parameters,
): string[] {
  if (!billing) return ['NULL::pg_catalog.text AS billing'];
  const instant = (sql: string) => `${wrapped(sql)}::pg_catalog.timestamptz`;
  const [from, to] = [instant(billing.from), instant(billing.to)];
  const isPeriod = `(${from} ${op('<')} ${to})`;
  const time = (date: Date) => parameters.add(date.toISOString(), 'timestamptz');
  const period = reportPeriod(request);
  return [
    `CASE WHEN ${isPeriod} THEN 'own' ELSE 'none' END AS billing`,
    `CASE WHEN ${isPeriod} THEN ${from} ELSE ${time(period.from)} END AS billed_from`,
    `LEAST(${time(request.asOf)}, CASE WHEN ${isPeriod} THEN ${to} ELSE ${time(reportEnd(request))} END) AS billed_until`,
  ];
}

function limitsPart({ usage: { limits } }: SqlContext): StatementPart[] {
  if (!limits || !isLimitsTable(limits)) return [];
  const { from, plan, meter, value, where } = limits;
  const texts = [plan ?? 'NULL', meter, value].map((sql) => asText(wrapped(sql)));
  const select = `SELECT ${rowKinds.limit}, ${texts.join(', ')}, NULL, NULL FROM ${from}\n${whereOf(where ? [wrapped(where)] : [])}`;
  return [{ selects: [select] }];
}

/** Returns the meters, those that aggregate the same rows together. */
function groupsOf(context: SqlContext): IndexedMeter[][] {
  const groups = new Map<string, IndexedMeter[]>();
  for (const [index, [name, meter]] of context.meters.entries()) {
    const { from, subject, at, where } = meter;
    const isShared = canShareRows(context, name, meter);
    const rows = isShared ? [from, subject, at, where, windowOf(meter, context.request)] : index;
    const key = JSON.stringify(rows);
    groups.set(key, [...(groups.get(key) ?? []), { index, name, meter }]);
  }
  return [...groups.values()];
}

/**
 * Unique values are joined with the other figures of their rows by `=` of pg_catalog, which types of extensions
 * such as citext do not use.
 */
function canShareRows({ types }: SqlContext, name: string, meter: Meter): boolean {
  const { kind } = measureOf(meter);
  if (kind === 'latest') return false;
  return kind !== 'unique' || types.get(`usage.meters.${name}.subject`)?.builtIn !== undefined;
}

function meterPart(
  context: SqlContext,
  group: readonly IndexedMeter[],
  name: string,
): StatementPart {
  const [first] = group;
  if (!first) throw new Error('a group of meters is not empty');
  const isLevel = measureOf(first.meter).kind === 'latest';
  const body = isLevel ? latestSql(context, first) : aggregateSql(context, group);
  const uniques =
    group.length > 1 ? group.filter(({ meter }) => measureOf(meter).kind === 'unique') : [];
  const nameOf = ({ index }: IndexedMeter) => `dbops_unique_${index}`;
  const selects = group.map((each, at) => {
    const isJoined = uniques.includes(each);
    const used = isJoined ? `COALESCE(${nameOf(each)}.used, 0)` : `${name}.used_${at}`;
    const figure = `pg_catalog.trim_scale(${used}::pg_catalog.numeric)::pg_catalog.text`;
    const columns = [asText(`${name}.key`), figure, asText(`uncounted_${at}`), asText('total')];
    const joined = ` LEFT JOIN ${nameOf(each)} ON ${nameOf(each)}.key ${op('=')} ${name}.key`;
    return `SELECT ${each.index}, ${columns.join(', ')}, NULL FROM ${name}${isJoined ? joined : ''}`;
  });
  return {
    ctes: [
      `${name} AS (${body})`,
      ...uniques.map((each) => `${nameOf(each)} AS (${uniqueSql(context, each)})`),
    ],
    selects: [...selects, ...orphans(context, group, isLevel)],
  };
}

/** Returns SELECTs of the rows without a subject, which a join with the subjects drops. */
function orphans(context: SqlContext, group: readonly IndexedMeter[], isLevel: boolean): string[] {
  const isBySubject =
    isLevel || group.some(({ meter }) => windowOf(meter, context.request).isOfSubject);
  return isBySubject && context.request.subject === undefined
    ? [withoutSubject(context, group, isLevel)]
    : [];
}
