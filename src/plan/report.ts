import type { PlanData } from '../plan-document.ts';
import { formatDuration } from '../output/duration.ts';
import { formatCountOf } from '../output/number.ts';
import { text, type Block, type Report, type Severity, type Table } from '../report.ts';
import type { Judged } from '../verify/judge-findings.ts';
import { verifyReport } from '../verify/report.ts';
import { describeBand, sumOf } from './describe-band.ts';
import { planChecks } from './find.ts';
import type { LiveFacts } from './live-facts.ts';
import { lockTimesOf } from './lock-times.ts';
import { statementDocument } from './statement-document.ts';
import type { Observations } from './observe/run.ts';
import type { MigrationVerdict, StatementVerdict } from './verdict.ts';

export interface PlanResult extends Pick<Observations, 'basis' | 'reason'> {
  migrations: MigrationVerdict[];
  facts: LiveFacts | undefined;
}

/** How the findings of a plan become an exit code and a text. */
export interface PlanView {
  failOn: Severity;
  maxFindings: number | undefined;
  /** Whether locks are listed by statement, and findings of information. */
  isVerbose: boolean;
}

/** Returns the report of a plan: the time during which writes wait, the findings, and a count of what is harmless. */
export function planReport(
  judged: Judged,
  result: PlanResult,
  { failOn, maxFindings, isVerbose }: PlanView,
): Report {
  const { migrations, facts } = result;
  const statements = migrations.flatMap((each) => each.statements);
  const report = verifyReport(judged, {
    scope: scopeOf(migrations, statements, result),
    checks: planChecks,
    failOn,
    maxFindings,
    listsInfo: isVerbose || facts === undefined,
    command: 'migrate plan',
  });
  if (judged.written) return report;
  const blocked = blockedTimes(statements);
  const head: Block[] = facts
    ? [headline(blocked.reads, blocked.writes)]
    : [text(withoutSizes, 'warn')];
  const reason =
    result.reason === undefined
      ? []
      : [text(`The migrations were replayed: ${result.reason}`, 'dim')];
  const tables = isVerbose
    ? migrations.flatMap((each) => [statementsTable(each), locksTable(each)])
    : [];
  return {
    ...report,
    data: { ...report.data, ...documentOf(result, blocked) },
    blocks: [...head, ...reason, ...tables, ...report.blocks],
  };
}

const withoutSizes =
  'The sizes of the tables are not known, so durations are not estimated: pass --sizes FILE (from dbops stats export).';

function blockedTimes(statements: readonly StatementVerdict[]) {
  const during = (isCounted: (each: StatementVerdict) => boolean) =>
    sumOf(statements.flatMap((each) => (isCounted(each) && each.duration ? each.duration : [])));
  return {
    writes: during(({ blocked }) => blocked.length > 0),
    reads: during(({ blocked }) => blocked.some(({ reads }) => reads)),
  };
}

type Band = ReturnType<typeof sumOf>;

function headline(reads: Band, writes: Band): Block {
  const isShort = writes.high < 100;
  if (isShort)
    return text('Writes wait less than 0.1 s for the locks of these migrations.', 'good');
  const ofReads = reads.high < 100 ? 'reads less than 0.1 s' : `reads ${describeBand(reads)}`;
  return text(`Writes wait ${describeBand(writes)}, ${ofReads}.`);
}

function scopeOf(
  migrations: readonly MigrationVerdict[],
  statements: readonly StatementVerdict[],
  { basis }: PlanResult,
): string {
  const harmless = statements.filter(
    ({ verdict, hazards }) => verdict === 'ok' && hazards.length === 0,
  ).length;
  const unseen = statements.filter(({ statement }) => statement.notObserved).length;
  return [
    `${formatCountOf(statements.length, 'statement')} of ${formatCountOf(migrations.length, 'pending migration')} run in a shadow database with the ${basis.kind}`,
    `${harmless} harmless`,
    ...(unseen > 0 ? [`locks of ${unseen} from the PostgreSQL manual`] : []),
  ].join('; ');
}

function statementsTable({ migration, statements }: MigrationVerdict): Table {
  return {
    kind: 'table',
    title: migration,
    columns: [
      { key: 'line', label: 'line', align: 'right' },
      { key: 'statement', label: 'statement' },
      { key: 'verdict', label: 'verdict' },
      { key: 'takes', label: 'locks taken' },
      { key: 'held', label: 'held before' },
      { key: 'duration', label: 'duration' },
    ],
    rows: statements.map(({ statement, verdict, duration }) => ({
      line: statement.line ?? null,
      statement: statement.sql.trim().replaceAll(/\s+/g, ' ').slice(0, 48),
      verdict,
      takes: locksIn(statement.locks),
      held: locksIn(statement.heldBefore),
      duration: duration ? describeBand(duration) : 'unknown',
    })),
  };
}

function locksTable(migration: MigrationVerdict): Table {
  return {
    kind: 'table',
    title: `locks of ${migration.migration} over time`,
    columns: [
      { key: 'begins', label: 'taken after' },
      { key: 'line', label: 'line', align: 'right' },
      { key: 'lock', label: 'lock' },
      { key: 'held', label: 'held for' },
      { key: 'waiting', label: 'waiting' },
    ],
    rows: lockTimesOf(migration).map(({ begins, line, mode, relation, held, waiting }) => ({
      begins: begins ? formatDuration(begins.likely) : 'unknown',
      line: line ?? null,
      lock: `${mode} ${relation}`,
      held: held ? describeBand(held) : 'unknown',
      waiting,
    })),
  };
}

function locksIn(locks: StatementVerdict['statement']['locks']): string {
  return locks
    .filter(({ relation }) => relation.kind !== 'index')
    .map(({ relation, mode }) => `${mode} ${relation.name}`)
    .join(', ');
}

function documentOf(
  { migrations, basis, facts }: PlanResult,
  blocked: ReturnType<typeof blockedTimes>,
): Omit<PlanData, 'findings' | 'counts'> {
  return {
    basis: basis.kind,
    blocked: facts ? blocked : null,
    longestTransaction: facts?.activity?.longestTransaction ?? null,
    migrations: migrations.map(({ migration, statements }) => ({
      name: migration,
      statements: statements.map(statementDocument),
    })),
  };
}
