import { isLimitsTable, measureOf, type Usage } from './definition.ts';
import { aggregateSql } from './aggregate.ts';
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

/** A part of the statement: SQL of a CTE beside that of the subjects, if there is one, and of its rows. */
interface StatementPart {
  cte?: string;
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
      cte: subjectsCte(context),
      selects: [
        `SELECT ${rowKinds.subject} AS kind, key, name AS a, slug AS b, plan AS c, billing AS d FROM dbops_subject`,
      ],
    },
    ...limitsPart(context),
    ...groupsOf(context).map((group, at) => meterPart(context, group, `dbops_meter_${at}`)),
  ];
  const ctes = parts.flatMap(({ cte }) => cte ?? []);
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
function groupsOf({ meters, request }: SqlContext): IndexedMeter[][] {
  const groups = new Map<string, IndexedMeter[]>();
  for (const [index, [name, meter]] of meters.entries()) {
    const { from, subject, at, where } = meter;
    const { kind } = measureOf(meter);
    const isShared = kind === 'count' || kind === 'sum' || kind === 'max';
    const rows = isShared ? [from, subject, at, where, windowOf(meter, request)] : index;
    const key = JSON.stringify(rows);
    groups.set(key, [...(groups.get(key) ?? []), { index, name, meter }]);
  }
  return [...groups.values()];
}

function meterPart(
  context: SqlContext,
  group: readonly IndexedMeter[],
  name: string,
): StatementPart {
  const [first] = group;
  if (!first) throw new Error('a group of meters is not empty');
  const { kind } = measureOf(first.meter);
  const isLevel = kind === 'latest';
  const body = isLevel ? latestSql(context, first) : aggregateSql(context, group);
  const selects = group.map(
    ({ index }, at) =>
      `SELECT ${index}, ${asText('key')}, pg_catalog.trim_scale(used_${at}::pg_catalog.numeric)::pg_catalog.text, ${asText(`uncounted_${at}`)}, ${asText('total')}, NULL FROM ${name}`,
  );
  const isBySubject = isLevel || windowOf(first.meter, context.request).isOfSubject;
  const orphans =
    isBySubject && context.request.subject === undefined
      ? [withoutSubject(context, first, isLevel)]
      : [];
  return { cte: `${name} AS (${body})`, selects: [...selects, ...orphans] };
}
