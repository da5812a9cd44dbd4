import type { DeclaredSql } from '../../declared/prepare.ts';
import type { ExpectedType, TypedExpression } from '../../declared/types.ts';
import { isLimitsTable, measureOf, type Meter, type Usage } from './definition.ts';

/** By the last word of the place. */
const expected: Readonly<Record<string, ExpectedType>> = {
  where: 'boolean',
  at: 'time',
  sum: 'plain number',
  max: 'plain number',
  latest: 'plain number',
};

/** Returns every expression of the usage declaration, with its place there and the type that it needs. */
export function usageExpressions(usage: Usage): TypedExpression[] {
  return [
    ...subjectExpressions(usage.subjects),
    ...limitExpressions(usage),
    ...Object.entries(usage.meters).flatMap(([name, meter]) => meterExpressions(name, meter)),
  ];
}

function subjectExpressions({ from, billing, ...subjects }: Usage['subjects']) {
  const source = { place: 'usage.subjects.from', sql: from };
  const { id, name, slug, plan, where } = subjects;
  return [
    ...within('usage.subjects', source, { id, name, slug, plan, where }),
    ...within('usage.subjects.billing', source, billing ?? {}, 'time'),
  ];
}

function limitExpressions({ limits }: Usage): TypedExpression[] {
  if (!limits || !isLimitsTable(limits)) return [];
  const { from, plan, meter, value, where } = limits;
  const source = { place: 'usage.limits.from', sql: from };
  return within('usage.limits', source, { plan, meter, value, where });
}

/** Returns the expressions of one meter. */
function meterExpressions(name: string, meter: Meter): TypedExpression[] {
  const place = `usage.meters.${name}`;
  const source = { place: `${place}.from`, sql: meter.from };
  const { subject, at, where } = meter;
  const { kind, sql } = measureOf(meter);
  return [
    ...within(place, source, { subject, at, where }),
    ...within(`${place}.measure`, source, { [kind]: sql }),
  ];
}

function within(
  place: string,
  from: DeclaredSql,
  expressions: Readonly<Record<string, string | undefined>>,
  expects?: ExpectedType,
): TypedExpression[] {
  return Object.entries(expressions).flatMap(([key, sql]) =>
    sql === undefined
      ? []
      : [{ place: `${place}.${key}`, sql, from, expects: expects ?? expected[key] ?? 'any' }],
  );
}
