import * as z from 'zod';
import { quoteLiteral } from '../../db/quote.ts';
import type { DeclaredQuery } from '../../declared/query.ts';
import { usageError } from '../../errors.ts';
import { bindParameters } from '../../sql/named-parameters.ts';
import { readQuery } from '../../sql/query.ts';
import type { ParamType } from './definition.ts';
import type { NamedReport, Param } from './find.ts';

interface ParamKind {
  /** The type of the server. */
  type: string;
  /** What a value is, for messages. */
  expected: string;
  accepts(value: string): boolean;
}

const day = z.iso.date();
const instant = z.iso.datetime({ offset: true });

const kinds: Record<ParamType, ParamKind> = {
  text: { type: 'text', expected: 'text', accepts: () => true },
  integer: {
    type: 'int8',
    expected: 'a whole number',
    accepts: (value) => /^[+-]?\d{1,19}$/.test(value),
  },
  number: {
    type: 'numeric',
    expected: 'a number such as 12.5',
    accepts: (value) => /^[+-]?\d+(?:\.\d+)?$/.test(value),
  },
  boolean: {
    type: 'bool',
    expected: 'true or false',
    accepts: (value) => /^(?:true|false)$/.test(value),
  },
  date: {
    type: 'date',
    expected: 'a day such as 2026-11-20',
    accepts: (value) => day.safeParse(value).success,
  },
  time: {
    type: 'timestamptz',
    expected: 'a time such as 2026-11-20T12:00:00Z, or a day',
    accepts: (value) => day.safeParse(value).success || instant.safeParse(value).success,
  },
  uuid: {
    type: 'uuid',
    expected: 'a UUID',
    accepts: (value) => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value),
  },
};

/**
 * Returns the values of parameters from `name=value`.
 *
 * @throws usage error that lists every problem, and the parameters of the report
 */
export function valuesOf(report: NamedReport, given: readonly string[]): Map<string, string> {
  const problems: string[] = [];
  const values = new Map<string, string>();
  for (const each of given) {
    const [, name = '', value] = /^([^=]+)=([^]*)$/.exec(each) ?? [];
    const param = report.params.find((known) => known.name === name);
    if (value === undefined) problems.push(`${each}: expected NAME=VALUE`);
    else if (!param) problems.push(`${name}: ${report.place} has no such parameter`);
    else if (values.has(name)) problems.push(`${name}: is given twice`);
    else values.set(name, value);
  }
  for (const { name, type, default: usual } of report.params) {
    const value = values.get(name) ?? usual;
    if (value === undefined) problems.push(`${name}: is missing`);
    else if (!kinds[type].accepts(value))
      problems.push(`${name}: expected ${kinds[type].expected}`);
    else values.set(name, value);
  }
  if (problems.length === 0) return values;
  const known = report.params.map((param) => `--param ${describeParam(param)}`).join(' ');
  throw usageError(
    'REPORT.PARAMS',
    `Invalid parameters of the report ${report.name}.`,
    known ? `Parameters: ${known}` : 'It has no parameters.',
    problems,
  );
}

/** Returns `month=DATE`, or `[month=DATE]` for a parameter with a default. */
export function describeParam({ name, type, default: usual }: Param): string {
  const whole = `${name}=${type.toUpperCase()}`;
  return usual === undefined ? whole : `[${whole}]`;
}

/**
 * Returns the query of a report with its parameters as `$1`, `$2` …, or as literals in statements that take
 * no parameters, as COPY does.
 *
 * @param values by name; absent: NULL, to prepare the query
 * @throws usage error when the text is not one query, or uses a parameter that is not declared
 */
export async function queryOf(
  report: NamedReport,
  values?: ReadonlyMap<string, string>,
  form: 'numbered' | 'literal' = 'numbered',
): Promise<DeclaredQuery> {
  const { place, params } = report;
  const types = new Map(params.map(({ name, type }) => [name, kinds[type].type]));
  const bound = await bindParameters(report.sql, (name, at) => {
    const type = types.get(name);
    const literal = quoteLiteral(values?.get(name) ?? '').trim();
    return type && `(${form === 'numbered' ? `$${at + 1}` : literal}::pg_catalog.${type})`;
  });
  if (bound.unknown.length > 0)
    throw usageError(
      'REPORT.PARAMS',
      `${place} uses parameters that are not declared: ${bound.unknown.join(', ')}.`,
      `Declare each in the header: -- param ${bound.unknown[0]}: text (docs/report.md#reports-of-your-own)`,
    );
  const query = await readQuery(bound.sql, place);
  return {
    place,
    sql: query.sql,
    written: report.sql,
    values: form === 'numbered' ? bound.used.map((name) => values?.get(name) ?? null) : [],
    offsetOf: (offset) => bound.offsetOf(query.offset + offset),
  };
}
