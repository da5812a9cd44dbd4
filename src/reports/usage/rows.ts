import { measureOf, type Meter } from './definition.ts';
import { isSameKey, hasNoZone } from './prepare.ts';
import { asText, op, whereOf, wrapped, type SqlContext, type IndexedMeter } from './sql.ts';
import { windowOf, type Window } from './windows.ts';

/**
 * Returns a SELECT that counts the rows that have no subject, where a join with the subjects drops them.
 *
 * @param group meters over the same rows
 */
export function withoutSubject(
  context: SqlContext,
  group: readonly IndexedMeter[],
  isLevel: boolean,
): string {
  const [first] = group;
  if (!first) throw new Error('a group of meters is not empty');
  const { name, meter } = first;
  const bounds = isLevel
    ? windowConditions(context, name, meter, windowOf(meter, context.request))
    : [
        `${wrapped(meter.at ?? '')} ${op('>=')} (SELECT pg_catalog.min(${zoned('billed_from', context, name)}) FROM dbops_subject)`,
        `${wrapped(meter.at ?? '')} ${op('<')} (SELECT pg_catalog.max(${zoned('billed_until', context, name)}) FROM dbops_subject)`,
      ];
  const conditions = [
    `${wrapped(meter.subject)} IS NULL`,
    ...(meter.where ? [wrapped(meter.where)] : []),
    ...bounds,
  ];
  const rows = `SELECT ${asText('pg_catalog.count(*)')} AS total FROM ${meter.from}\n${whereOf(conditions)}`;
  const indexes = group.map(({ index }) => `(${index})`).join(', ');
  return `SELECT dbops_meter.index, NULL, NULL, NULL, dbops_rest.total, NULL FROM (${rows}) AS dbops_rest CROSS JOIN (VALUES ${indexes}) AS dbops_meter (index)`;
}

function zoned(column: string, { types }: SqlContext, name: string): string {
  const hasZone = !hasNoZone(types.get(`usage.meters.${name}.at`));
  return hasZone ? column : `${column}::pg_catalog.timestamp`;
}

/** The rows of meters as a FROM clause with its conditions, and the expressions over it. */
export interface MeterRows {
  key: string;
  values: (string | undefined)[];
  source: string;
}

export function rowsOf(context: SqlContext, group: readonly IndexedMeter[]): MeterRows {
  const [first] = group;
  if (!first) throw new Error('a group of meters is not empty');
  const { meter, name } = first;
  const window = windowOf(meter, context.request);
  const values = group.map((each) => measureOf(each.meter).sql);
  const conditions = [
    ...(meter.where ? [wrapped(meter.where)] : []),
    ...windowConditions(context, name, meter, window),
    ...(context.request.subject === undefined ? [] : [amongSubjects(context, name, meter)]),
  ];
  const from = `${meter.from}\n${whereOf(conditions)}`;
  if (!window.isOfSubject)
    return {
      key: wrapped(meter.subject),
      values: values.map((sql) => sql && wrapped(sql)),
      source: from,
    };
  const columns = values.flatMap((sql, at) => (sql ? [`${wrapped(sql)} AS v${at}`] : []));
  const events = `SELECT ${[`${wrapped(meter.subject)} AS k`, `${wrapped(meter.at ?? '')} AS t`, ...columns].join(', ')} FROM ${from}`;
  const on = [
    sameKey(context, name, 'dbops_event.k'),
    `dbops_event.t ${op('>=')} ${zoned('dbops_subject.billed_from', context, name)}`,
    `dbops_event.t ${op('<')} ${zoned('dbops_subject.billed_until', context, name)}`,
  ];
  return {
    key: 'dbops_subject.key',
    values: values.map((sql, at) => sql && `dbops_event.v${at}`),
    source: `dbops_subject JOIN (${events}) AS dbops_event ON ${on.join(' AND ')}`,
  };
}

export function windowConditions(
  { types, parameters }: SqlContext,
  name: string,
  { at }: Meter,
  { from, until }: Window,
): string[] {
  if (at === undefined) return [];
  const type = hasNoZone(types.get(`usage.meters.${name}.at`)) ? 'timestamp' : 'timestamptz';
  const bound = (operator: string, date: Date | undefined) =>
    date ? [`${wrapped(at)} ${op(operator)} ${parameters.add(date.toISOString(), type)}`] : [];
  return [...bound('>=', from), ...bound('<', until)];
}

export function sameKey(context: SqlContext, name: string, key: string): string {
  return isSameKey(context.types, name)
    ? `${key} ${op('=')} dbops_subject.id`
    : `${asText(key)} ${op('=')} dbops_subject.key`;
}

/** The ids are read first, and an index on the subject can be used. */
export function amongSubjects(context: SqlContext, name: string, { subject }: Meter): string {
  return isSameKey(context.types, name)
    ? `${wrapped(subject)} ${op('=')} ANY (ARRAY(SELECT dbops_subject.id FROM dbops_subject))`
    : `${asText(wrapped(subject))} ${op('=')} ANY (ARRAY(SELECT dbops_subject.key FROM dbops_subject))`;
}
