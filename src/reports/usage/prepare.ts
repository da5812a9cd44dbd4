import { codeOf } from '../../db/connection-error.ts';
import { hidesRows } from '../../db/row-security.ts';
import type { Session } from '../../db/session.ts';
import { isSqlState } from '../../db/sqlstate.ts';
import {
  explained,
  prepareExpressions,
  resolveColumns,
  type DeclaredExpression,
} from '../../declared/prepare.ts';
import { usageError } from '../../errors.ts';
import { readExpression, readFrom } from '../../sql/expression.ts';
import { excerpt } from '../../sql/error-position.ts';
import { measureOf, type Usage } from './definition.ts';
import { usageExpressions } from './expressions.ts';

/** OIDs of types in pg_type, by the place of the expression in the configuration. */
export type TypesByPlace = ReadonlyMap<string, number>;

const oid = {
  numbers: new Map([
    [20, 'int8'],
    [21, 'int2'],
    [23, 'int4'],
    [700, 'float4'],
    [701, 'float8'],
    [1700, 'numeric'],
  ]),
  times: new Map([
    [1082, 'date'],
    [1114, 'timestamp'],
    [1184, 'timestamptz'],
  ]),
  boolean: 16,
};

const floats = new Set([700, 701]);
const integers = new Set([20, 21, 23]);
const texts = new Set([25, 1043]);

/** Returns whether values of a type are rounded when they are summed. */
export function isFloat(type: number | undefined): boolean {
  return type !== undefined && floats.has(type);
}

/** Returns whether every value of a type is a finite number. */
export function isInteger(type: number | undefined): boolean {
  return type !== undefined && integers.has(type);
}

/** Returns whether `=` compares the subject of a meter with an id as they are, so that indexes can be used. */
export function isSameKey(types: TypesByPlace, meter: string): boolean {
  const id = types.get('usage.subjects.id') ?? 0;
  const subject = types.get(`usage.meters.${meter}.subject`) ?? 0;
  return id === subject || [integers, texts].some((set) => set.has(id) && set.has(subject));
}

/** Returns whether the time of an event has no zone: its values are read as UTC. */
export function hasNoZone(type: number | undefined): boolean {
  return type !== undefined && oid.times.has(type) && oid.times.get(type) !== 'timestamptz';
}

/**
 * Reads every expression of the declaration by the grammar and lets the server resolve it, inside a READ
 * ONLY transaction. What is right takes one statement; what is not is then prepared one by one.
 *
 * @throws usage error that names the place in the configuration
 */
export async function prepareUsage(session: Session, usage: Usage): Promise<TypesByPlace> {
  const expressions = usageExpressions(usage);
  await readAll(expressions);
  const types = await typesOf(session, expressions);
  await assertTypes(session, usage, types);
  return types;
}

async function readAll(expressions: readonly DeclaredExpression[]): Promise<void> {
  const sources = new Map(expressions.map(({ from }) => [from.place, from.sql]));
  for (const [place, sql] of sources) await readFrom(sql, place);
  for (const { sql, place } of expressions) await readExpression(sql, place);
}

async function typesOf(
  session: Session,
  expressions: readonly DeclaredExpression[],
): Promise<TypesByPlace> {
  try {
    const fields = await resolveColumns(session, typesSql(expressions));
    return new Map(expressions.map(({ place }, at) => [place, fields[at]?.dataTypeID ?? 0]));
  } catch (error) {
    if (!isSqlState(codeOf(error)) || hidesRows(error)) throw error;
    await prepareExpressions(session, expressions);
    throw error;
  }
}

/** Returns a statement whose columns have the types of the expressions, and which reads no row of a table. */
function typesSql(expressions: readonly DeclaredExpression[]): string {
  const columns = expressions.map(
    ({ sql, from }, at) => `(SELECT (\n${sql}\n) FROM ${from.sql}\nLIMIT 0) AS c${at}`,
  );
  return `SELECT ${columns.join(', ')}`;
}

async function assertTypes(session: Session, usage: Usage, types: TypesByPlace): Promise<void> {
  for (const expression of usageExpressions(usage)) {
    const type = types.get(expression.place) ?? 0;
    const expected = expectedOf(expression.place);
    if (expected && !expected.types.has(type))
      throw await wrongType(session, expression, type, expected.what);
  }
  for (const [name, meter] of Object.entries(usage.meters)) {
    const { kind, sql } = measureOf(meter);
    if (kind === 'count' || kind === 'unique' || sql === undefined) continue;
    const place = `usage.meters.${name}.measure.${kind}`;
    const type = types.get(place) ?? 0;
    if (oid.numbers.has(type)) continue;
    const from = { place: `usage.meters.${name}.from`, sql: meter.from };
    if (kind === 'sum') await assertSummable(session, { place, sql, from });
    throw await wrongType(session, { place, sql, from }, type, `${kind} measures a number`);
  }
}

const times = { types: oid.times, what: 'a time is a timestamptz, a timestamp or a date' };

function expectedOf(place: string) {
  if (place.startsWith('usage.subjects.billing.')) return times;
  if (!place.startsWith('usage.subjects.') && place.endsWith('.at')) return times;
  return place.endsWith('.where')
    ? { types: new Set([oid.boolean]), what: 'a condition is a boolean' }
    : undefined;
}

/** Lets the server say why it cannot sum. @throws usage error with its SQLSTATE and a caret */
async function assertSummable(
  session: Session,
  { place, sql, from }: DeclaredExpression,
): Promise<void> {
  const before = 'SELECT '.length;
  const statement = `SELECT pg_catalog.sum(\n${sql}\n) FROM ${from.sql}\nLIMIT 0`;
  await explained(session, statement, { place, sql: `sum(${sql})`, before });
}

/** Returns the error of an expression of another type, with the SQLSTATE of a wrong type. */
async function wrongType(
  session: Session,
  { place, sql }: DeclaredExpression,
  type: number,
  expected: string,
) {
  const [row] = await session.query<{ type: string }>(
    'SELECT pg_catalog.format_type($1, NULL) AS type',
    [type],
  );
  return usageError(
    'DECLARED.INVALID',
    `${place} is of type ${row?.type ?? 'unknown'}.`,
    'Correct it in the configuration, for example with a cast.',
    [...excerpt(sql, 0), `SQLSTATE 42804: ${expected}`],
  );
}
