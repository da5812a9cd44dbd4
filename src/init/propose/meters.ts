import { quoteLiteral } from '../../db/quote.ts';
import type { ColumnFacts, TableFacts } from '../schema-facts.ts';
import { because, type ConfigValue, type Reasoned } from './entry.ts';
import type { PlanLimits } from './limits.ts';
import type { Subjects } from './subjects.ts';
import { columnNamed, deletedNames, eventTimeOf, hasWord, timeOf, wordsOf } from './words.ts';

interface Meter {
  name: string;
  value: Record<string, ConfigValue | undefined>;
  reason: string;
}

/** Tables that are about a subject and measure nothing that it uses. */
const notUsed = [
  'invite',
  'invitation',
  'token',
  'session',
  'oauth',
  'password',
  'preference',
  'setting',
  'subscription',
  'billing',
  'outbox',
  'audit',
];
/** Tables that add up others. */
const addedUp = ['aggregation', 'aggregate', 'rollup', 'summary', 'daily', 'monthly'];

/** Returns `usage.meters`: one for each table, or kind of event, that belongs to a subject. */
export function proposeMeters(
  subjects: Subjects,
  tables: readonly TableFacts[],
  { limits, others }: { limits: PlanLimits | undefined; others: readonly TableFacts[] },
): Record<string, ConfigValue | Reasoned> {
  const meters = tables
    .filter((table) => isMeasured(table, subjects) && !others.includes(table))
    .flatMap((table) => metersOf(table, subjects));
  const limited = limits ? withLimits(meters, limits.names) : meters;
  return Object.fromEntries(
    limited.map(({ name, value, reason }) => [name, because(reason, value)]),
  );
}

function isMeasured(table: TableFacts, { referring }: Subjects): boolean {
  const column = referring.get(table.key);
  if (!column || hasWord(table.name, [...notUsed, ...addedUp])) return false;
  // One row for each subject is a property of it.
  return !table.unique.some(([only, another]) => only === column.name && !another);
}

function metersOf(table: TableFacts, subjects: Subjects): Meter[] {
  const subject = subjects.referring.get(table.key);
  if (!subject) return [];
  const time = timeOf(table);
  const number = measureOf(table);
  const kind = columnNamed(table, ['event type', 'type', 'kind', 'event', 'event name', 'metric']);
  const base = { from: table.sql, subject: subject.sql };
  if (kind && time && kind.labels.length > 1)
    return kind.labels.map((label) => ({
      name: label,
      reason: `${table.name}: ${kind.name} is ${label}`,
      value: {
        ...base,
        at: time.sql,
        where: `${kind.sql} = ${quoteLiteral(label)}`,
        measure: measureOfLabel(label, table, number),
      },
    }));
  const isEvent = time !== undefined && (number !== undefined || isOfEvents(table));
  const deleted = columnNamed(table, deletedNames);
  return [
    {
      name: table.name,
      reason: isEvent
        ? `${table.name}: a ${number ? 'number' : 'row'} with a time for each ${subject.name}`
        : `${table.name}: rows for each ${subject.name} now`,
      value: {
        ...base,
        at: isEvent ? time.sql : undefined,
        where: deleted && !isEvent ? `${deleted.sql} is null` : undefined,
        measure: isEvent && number ? measureOfEvents(table, number) : 'count',
      },
    },
  ];
}

/** A row with a name is a thing that exists, and one with a time of its own, such as `sent_at`, happened. */
function isOfEvents(table: TableFacts): boolean {
  if (hasWord(table.name, eventWords)) return true;
  const isNamed = columnNamed(table, ['name', 'full name', 'title', 'email', 'slug', 'label']);
  return !isNamed && eventTimeOf(table)?.notNull === true;
}

const eventWords = ['event', 'log', 'call', 'usage', 'request', 'run', 'history', 'message'];

const measures = [
  'quantity',
  'amount',
  'unit',
  'count',
  'token',
  'credit',
  'byte',
  'duration',
  'total',
  'cent',
  'used',
  'value',
  'cost',
];
const notMeasures = [
  'id',
  'position',
  'version',
  'order',
  'level',
  'year',
  'month',
  'day',
  'balance',
  'price',
  'max',
  'limit',
];

function measureOf({ columns, primaryKey }: TableFacts): ColumnFacts | undefined {
  const numbers = columns.filter(
    ({ kind, name, references }) =>
      kind === 'number' && !references && !primaryKey.includes(name) && !hasWord(name, notMeasures),
  );
  return measures.map((word) => numbers.find(({ name }) => hasWord(name, [word]))).find(Boolean);
}

/** Samples are of a level, which cannot be added up. */
function measureOfEvents(table: TableFacts, number: ColumnFacts): ConfigValue {
  const isLevel = hasWord(table.name, ['sample', 'snapshot', 'gauge', 'reading', 'storage']);
  return isLevel ? { latest: number.sql } : { sum: withCounterpart(table, number) };
}

const counterparts = [
  ['input', 'output'],
  ['prompt', 'completion'],
] as const;

/** Returns `input_tokens + output_tokens` for the one of them. */
function withCounterpart(table: TableFacts, number: ColumnFacts): string {
  const words = wordsOf(number.name);
  for (const [one, other] of counterparts) {
    const phrase = words.map((word) => (word === one ? other : word)).join(' ');
    const found = words.includes(one) ? columnNamed(table, [phrase], ['number']) : undefined;
    if (found) return [number, found].map(zeroForNull).join(' + ');
  }
  return number.sql;
}

function zeroForNull({ sql, notNull }: ColumnFacts): string {
  return notNull ? sql : `coalesce(${sql}, 0)`;
}

/** What is stored is a level, and people are counted once. */
function measureOfLabel(
  label: string,
  table: TableFacts,
  number: ColumnFacts | undefined,
): ConfigValue {
  const user = columnNamed(table, ['user id', 'member id', 'actor id']);
  if (number && hasWord(label, ['storage', 'stored', 'size'])) return { latest: number.sql };
  if (user && hasWord(label, ['active', 'login', 'visitor'])) return { unique: user.sql };
  return number ? { sum: number.sql } : 'count';
}

/** Words of limits that say how, not what. */
const filler = new Set([
  'max',
  'min',
  'limit',
  'quota',
  'per',
  'month',
  'monthly',
  'day',
  'daily',
  'gb',
  'mb',
  'total',
  'number',
  'of',
]);
/** What products call the same thing. */
const synonyms: Record<string, string> = { seat: 'member', mau: 'active', user: 'active' };

/** Gives each limit to the meter whose name is most like its own. */
function withLimits(meters: readonly Meter[], names: readonly string[]): Meter[] {
  const best = new Map<string, { limit: string; score: number }>();
  for (const limit of names)
    for (const { name } of meters) {
      const score = likeness(limit, name);
      if (score > (best.get(name)?.score ?? 0)) best.set(name, { limit, score });
    }
  const scoreOf = (limit: string) =>
    Math.max(
      0,
      ...[...best.values()].filter((each) => each.limit === limit).map(({ score }) => score),
    );
  return meters.map((meter) => {
    const found = best.get(meter.name);
    return found && found.score >= scoreOf(found.limit)
      ? { ...meter, value: { ...meter.value, limit: found.limit } }
      : meter;
  });
}

function likeness(limit: string, meter: string): number {
  const significant = (name: string) =>
    new Set(
      wordsOf(name)
        .map((word) => synonyms[word] ?? word)
        .filter((word) => !filler.has(word)),
    );
  const [left, right] = [significant(limit), significant(meter)];
  const both = left.intersection(right).size;
  return both === 0 ? 0 : both / left.union(right).size;
}
