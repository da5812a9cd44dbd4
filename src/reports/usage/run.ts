import { toOwnPath, toUserPath } from '../../db/search-path.ts';
import { readOnly, withSavepoint, type Session } from '../../db/session.ts';
import { declaredError, isOfDeclaration } from '../../declared/prepare.ts';
import type { FiguresData } from '../../documents.ts';
import { usageError } from '../../errors.ts';
import type { Report } from '../../report.ts';
import type { Figures } from '../definition.ts';
import { toReport } from '../run.ts';
import { isLimitsTable, measureOf, type Meter, type Usage } from './definition.ts';
import { isIndexed } from './indexes.ts';
import {
  linesOf,
  type LimitRow,
  type Measured,
  type UsageSubject,
  type UsageFacts,
} from './lines.ts';
import { prepareUsage, type TypesByPlace } from './prepare.ts';
import { presentUsage } from './present.ts';
import { rowKinds, usageStatement } from './statement.ts';
import type { UsageQuery } from './sql.ts';
import type { UsageRequest } from './windows.ts';

/** Returns the declaration. @throws usage error with an example where nothing is declared */
export function declaredUsage(usage: Usage | undefined): Usage {
  if (usage) return usage;
  throw usageError(
    'USAGE.UNDECLARED',
    'The configuration declares no usage.',
    'Add usage to dbops.config.ts with your own tables; docs/report.md explains every key.',
    [
      'usage: {',
      "  subjects: { from: 'workspaces', id: 'id', name: 'name', plan: 'plan' },",
      '  limits: { free: { calls: 1000 }, pro: { calls: 100000 } },',
      "  meters: { calls: { from: 'api_calls', subject: 'workspace_id', at: 'created_at', measure: 'count' } },",
      '}',
    ],
  );
}

/** Returns the requested meters. @throws usage error for an unknown one */
export function requestedMeters(
  { meters }: Usage,
  { meter }: Pick<UsageRequest, 'meter'>,
): [name: string, meter: Meter][] {
  const all = Object.entries(meters);
  if (meter === undefined) return all;
  const found = all.filter(([name]) => name === meter);
  if (found.length > 0) return found;
  throw usageError('USAGE', 'Invalid options.', 'See: dbops report usage --help', [
    `--meter: expected one of ${Object.keys(meters).join(', ')}`,
  ]);
}

/**
 * Computes the usage of every subject and meter in one read-only transaction.
 *
 * @throws usage error for an expression that the database rejects, an unknown subject or meter, and limits
 *   that contradict each other; what the server reports of a table from which a policy hides rows
 */
export async function reportUsage(
  session: Session,
  usage: Usage,
  request: UsageRequest,
): Promise<Report<FiguresData>> {
  const figures = await readOnly(session, () => computeUsage(session, usage, request));
  return toReport(figures, request);
}

async function computeUsage(
  session: Session,
  usage: Usage,
  request: UsageRequest,
): Promise<Figures> {
  const meters = requestedMeters(usage, request);
  const types = await prepareUsage(session, usage);
  const indexed = await indexedMeters(session, { usage, types }, meters);
  const rows = await readRows(session, { usage, meters, types, request, indexed });
  const facts = factsOf(rows, meters);
  assertSubjects(facts.subjects, request);
  return presentUsage({
    usage,
    meters,
    types,
    request,
    facts,
    lines: linesOf(usage, meters, facts),
  });
}

async function indexedMeters(
  session: Session,
  prepared: { usage: Usage; types: TypesByPlace },
  meters: readonly [name: string, meter: Meter][],
): Promise<Set<string>> {
  const indexed = new Set<string>();
  for (const [name, meter] of meters)
    if (measureOf(meter).kind === 'latest' && (await isIndexed(session, prepared, name)))
      indexed.add(name);
  return indexed;
}

/** See `usageStatement`: what the columns are depends on the kind of the row. */
interface Row {
  kind: number;
  key: string | null;
  a: string | null;
  b: string | null;
  c: string | null;
  d: string | null;
}

async function readRows(session: Session, query: UsageQuery): Promise<Row[]> {
  try {
    return await runStatement(session, query);
  } catch (error) {
    if (!isOfDeclaration(error)) throw error;
    // An error of a value, such as a division by zero, has no position.
    for (const part of partsOf(query))
      await runStatement(session, part.query).catch((ofPart: unknown) => {
        throw isOfDeclaration(ofPart) ? declaredError(ofPart, '', { ...part, before: 1 }) : ofPart;
      });
    throw error;
  }
}

function runStatement(session: Session, query: UsageQuery): Promise<Row[]> {
  const { sql, values } = usageStatement(query);
  return withSavepoint(session, async () => {
    await session.script(toUserPath);
    const rows = await session.query<Row>(sql, values);
    await session.script(toOwnPath(session));
    return rows;
  });
}

/** Returns the parts of a report as queries of their own, each with its place in the configuration. */
function partsOf(query: UsageQuery): { place: string; sql: string; query: UsageQuery }[] {
  const { limits, ...withoutLimits } = query.usage;
  const { subjects } = query.usage;
  const alone = { ...query, usage: withoutLimits, meters: [] };
  return [
    { place: 'usage.subjects', sql: subjects.from, query: alone },
    ...(limits && isLimitsTable(limits)
      ? [{ place: 'usage.limits', sql: limits.from, query: { ...query, meters: [] } }]
      : []),
    ...query.meters.map(([name, meter]) => ({
      place: `usage.meters.${name}`,
      sql: measureOf(meter).sql ?? meter.from,
      query: { ...alone, meters: [[name, meter] as const] },
    })),
  ];
}

function factsOf(
  rows: readonly Row[],
  meters: readonly [name: string, meter: Meter][],
): UsageFacts {
  const subjects: UsageSubject[] = [];
  const limitRows: LimitRow[] = [];
  const measured = new Map<string, Map<string, Measured>>(
    meters.map(([name]) => [name, new Map()]),
  );
  const withoutSubject = new Map<string, bigint>();
  for (const { kind, key, a, b, c, d } of rows) {
    const [name = ''] = meters[kind] ?? [];
    if (kind === rowKinds.subject) subjects.push(subjectOf({ key, a, b, c, d }));
    else if (kind === rowKinds.limit) limitRows.push({ plan: key, meter: a, value: b });
    else if (key === null) withoutSubject.set(name, BigInt(c ?? 0));
    else measured.get(name)?.set(key, { used: a, uncounted: BigInt(b ?? 0) });
  }
  return { subjects: sorted(subjects), limitRows, measured, withoutSubject };
}

function subjectOf({ key, a, b, c, d }: Omit<Row, 'kind'>): UsageSubject {
  const hasBilling = d === null ? {} : { hasBilling: d === 'own' };
  return { id: key ?? '', name: a, slug: b, plan: c, ...hasBilling };
}

/** By name and id, as COLLATE "C" orders UTF-8. */
function sorted(subjects: readonly UsageSubject[]): UsageSubject[] {
  const keyed = subjects.map((subject) => ({
    subject,
    key: Buffer.from(`${subject.name ?? subject.id}\0${subject.id}`),
  }));
  return keyed.toSorted((a, b) => a.key.compare(b.key)).map(({ subject }) => subject);
}

function assertSubjects(subjects: readonly UsageSubject[], { subject: asked }: UsageRequest): void {
  if (asked !== undefined && subjects.length === 0)
    throw usageError(
      'REPORT.SUBJECT',
      `No subject has the slug or id ${asked}.`,
      'List every subject: dbops report usage',
    );
  const ids = new Set<string>();
  for (const { id } of subjects) {
    if (ids.has(id))
      throw usageError(
        'USAGE.SUBJECT_TWICE',
        `usage.subjects.from has two rows for the subject ${id || 'NULL'}.`,
        'Correct usage.subjects in the configuration so that each subject is one row: a join may multiply rows.',
      );
    ids.add(id);
  }
}
