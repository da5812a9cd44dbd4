import { percentBars } from '../../chart.ts';
import { formatCount } from '../../output/number.ts';
import { percentBar } from '../../output/bar.ts';
import { exitCodes } from '../../errors.ts';
import { text, type Cell, type Column, type Tone } from '../../report.ts';
import { formatFigure } from '../decimal.ts';
import type { Figures } from '../definition.ts';
import { describePeriod, type Period } from '../period.ts';
import { measureOf, periodOf, type Meter, type Usage } from './definition.ts';
import { states, totalsOf, type UsageFacts, type UsageLine, type UsageTotals } from './lines.ts';
import { isFloat, type TypesByPlace } from './prepare.ts';
import { reportPeriod, type UsageRequest } from './windows.ts';

interface Presented {
  usage: Usage;
  meters: readonly [name: string, meter: Meter][];
  types: TypesByPlace;
  request: UsageRequest;
  facts: UsageFacts;
  lines: UsageLine[];
}

/** Returns the figures of the report, in the form of every report. */
export function presentUsage(presented: Presented): Figures {
  const { usage, request, facts, lines } = presented;
  const totals = totalsOf(facts.subjects.length, lines);
  const title = 'Usage and limits';
  const period = reportPeriod(request);
  const { failOn = [] } = request;
  return {
    title,
    heading: `${title}, ${describePeriod(period)}`,
    period,
    columns: columnsOf(usage),
    rows: lines,
    totals,
    legend: legendOf(presented),
    notes: notesOf(presented, period),
    summary: [text(describeTotals(totals), totals.over > 0 ? 'bad' : undefined)],
    chart: percentBars(
      'Used, in percent of the limit; the highest first',
      lines,
      ({ subject, label, state }) => ({
        label: `${subject} · ${label}`,
        tone: toneOf.get(state),
      }),
    ),
    exitCode: failOn.some((state) => totals[state] > 0) ? exitCodes.findings : exitCodes.done,
  };
}

/** Returns `subjects: 3, lines: 24 (20 ok, 1 warn, 3 over)`. */
function describeTotals(totals: UsageTotals): string {
  const found = states
    .filter((state) => totals[state] > 0)
    .map((state) => `${formatCount(totals[state])} ${state}`);
  const counts = `subjects: ${formatCount(totals.subjects)}, lines: ${formatCount(totals.lines)}`;
  return found.length > 0 ? `${counts} (${found.join(', ')})` : counts;
}

const toneOf = new Map<Cell, Tone>([
  ['ok', 'good'],
  ['warn', 'warn'],
  ['over', 'bad'],
  ['unlimited', 'dim'],
  ['no-limit-row', 'warn'],
]);

function columnsOf({ subjects }: Usage): Column[] {
  return [
    { key: 'subject', label: 'subject' },
    ...(subjects.plan === undefined ? [] : [{ key: 'plan', label: 'plan' }]),
    { key: 'meter', label: 'meter', format: (_value, { label, unit }) => withUnit(label, unit) },
    { key: 'used', label: 'used', align: 'right', format: formatFigure },
    { key: 'limit', label: 'limit', align: 'right', format: limitText },
    { key: 'percent', label: '%', align: 'right', wide: percentBar },
    { key: 'state', label: 'state', tone: (state) => toneOf.get(state) },
  ];
}

function withUnit(label: Cell, unit: Cell): string {
  return typeof unit === 'string' ? `${String(label)} ${unit}` : String(label);
}

function limitText(limit: Cell, { state }: Readonly<Record<string, Cell>>): string {
  return state === 'unlimited' ? '∞' : formatFigure(limit);
}

/** Returns the definitions of the meters and of the states. */
function legendOf({ usage: { warnAt, limits }, meters }: Presented): string[] {
  const part = `${formatCount(warnAt * 100)} %`;
  return [
    ...meters.map(
      ([name, { label = name, unit, ...meter }]) =>
        `${withUnit(label, unit)}: ${meter.definition ?? describeMeter(meter)}`,
    ),
    `warn: at least ${part} of the limit; over: more than the limit; ∞: no limit`,
    limits
      ? 'no-limit-row: no limit is configured for the plan; it is not unlimited'
      : 'no-limit-row: usage.limits is not declared; it is not unlimited',
  ];
}

const inPeriod = {
  month: ' in the period',
  day: ' on the day',
  now: ' now',
  all: ' up to the end of the period',
  billing: ' in the billing period of the subject',
};

function describeMeter(meter: Meter): string {
  const { kind, sql } = measureOf(meter);
  const rows = `${meter.from}${meter.where ? ` where ${meter.where}` : ''}`;
  const when = kind === 'latest' ? ' before the end of the period' : inPeriod[periodOf(meter)];
  return kind === 'count'
    ? `rows in ${rows},${when}`
    : `${kind} of ${sql ?? ''} in ${rows},${when}`;
}

function notesOf({ meters, types, request, facts, lines }: Presented, period: Period): string[] {
  const uncounted = new Map<string, bigint>();
  for (const line of lines)
    uncounted.set(line.meter, (uncounted.get(line.meter) ?? 0n) + (line.uncounted ?? 0n));
  const listed = new Set(facts.subjects.map(({ id }) => id));
  return [
    ...todayNotes(meters, request, period),
    ...meters.flatMap(([name, meter]) => [
      ...notCounted(describeUncounted(name, meter), uncounted.get(name)),
      ...notCounted(`${meter.label ?? name} without a subject`, facts.withoutSubject.get(name)),
      ...(request.subject === undefined
        ? unlistedNotes(meter.label ?? name, listed, facts.measured.get(name))
        : []),
      ...floatNotes(name, meter, types),
    ]),
    ...billingNotes(meters, facts),
  ];
}

function describeUncounted(name: string, meter: Meter): string {
  const { label = name, uncounted } = meter;
  const why =
    measureOf(meter).kind === 'unique' ? 'without a value' : 'whose value is NULL or not a number';
  return uncounted ?? `${label} ${why}`;
}

function notCounted(what: string, rows = 0n): string[] {
  return rows > 0n ? [`not counted, ${what}: ${formatCount(rows)}`] : [];
}

/** Rows of a deleted subject, or of a column that is not the id: without a note, they would be missing silently. */
function unlistedNotes(
  label: string,
  listed: ReadonlySet<string>,
  measured: ReadonlyMap<string, unknown> = new Map(),
): string[] {
  let others = 0;
  for (const id of measured.keys()) if (!listed.has(id)) others++;
  return others === 0
    ? []
    : [`not shown, ${label} of ids that usage.subjects does not have: ${formatCount(others)}`];
}

function floatNotes(name: string, meter: Meter, types: TypesByPlace): string[] {
  const { label = name } = meter;
  return measureOf(meter).kind === 'sum' && isFloat(types.get(`usage.meters.${name}.measure.sum`))
    ? [`${label}: a sum of floating-point numbers is rounded; use numeric for exact figures`]
    : [];
}

/** Plans, limits and levels are not recorded over time. */
function todayNotes(
  meters: Presented['meters'],
  { now }: UsageRequest,
  { from, to }: Period,
): string[] {
  if (now >= from && now < to) return [];
  const levels = meters.flatMap(([name, { label = name, at }]) =>
    at === undefined ? [label] : [],
  );
  const what =
    levels.length > 0 ? `plans, limits and levels (${levels.join(', ')})` : 'plans and limits';
  return [`${what} are those of today, not of the period`];
}

function billingNotes(meters: Presented['meters'], { subjects }: UsageFacts): string[] {
  if (!meters.some(([, meter]) => periodOf(meter) === 'billing')) return [];
  const without = subjects.filter(({ hasBilling }) => hasBilling === false).length;
  return without === 0
    ? []
    : [
        `subjects without a billing period, measured in the period of the report: ${formatCount(without)}`,
      ];
}
