import { formatCount, formatCountOf } from '../output/number.ts';
import { shellWord } from '../output/shell.ts';
import type { CheckDescription, Finding } from '../report.ts';
import { withoutLeadingComments } from '../sql/statement-text.ts';
import { describeBand } from './describe-band.ts';
import type { ServerActivity } from './live-facts.ts';
import { relationName, type StatementObservation } from './observation.ts';
import { rules } from './rules/index.ts';
import type { BlockedTable, MigrationVerdict, StatementVerdict, PlanVerdict } from './verdict.ts';

/** What `migrate plan` looks for. */
export const planChecks: readonly CheckDescription[] = [
  {
    name: 'blocks',
    summary: 'No statement makes reads or writes of the application wait longer than the limit.',
    cure: 'Write the safe form: dbops migrate plan --fix. Or allow it: -- dbops: allow blocks on TABLE because REASON',
  },
  {
    name: 'fails',
    summary: 'No row of the database violates what a statement demands.',
    cure: 'Correct the rows first. Where a new column needs a value in every row: dbops migrate expand-contract NAME',
  },
  {
    name: 'slow',
    summary: 'No statement takes longer than the limit.',
    cure: 'Apply the migration when a long run is acceptable.',
  },
  {
    name: 'unknown-size',
    summary: 'The size of every table that a statement reads or writes is known.',
    cure: 'Read the sizes from the database, or pass them: --sizes FILE (from dbops stats export)',
  },
  {
    name: 'long-transaction',
    summary: 'No transaction is open for so long that the locks of the migrations wait for it.',
    cure: 'End the transaction first.',
  },
  ...rules.map(({ name, summary, harm, cure }) => ({ name, summary, harm, cure })),
].map((each) => ({ ...each, group: 'plan' }));

/** Returns the findings of a migration, in the order of its statements. */
export function findingsOf({ migration, file, statements }: MigrationVerdict): Finding[] {
  const keys = new Map<string, number>();
  /** A later statement on the same object has its number, so that a baseline can list it. */
  const keyOf = (key: string) => {
    const number = (keys.get(key) ?? 0) + 1;
    keys.set(key, number);
    return number === 1 ? key : `${key}:${number}`;
  };
  return statements.flatMap((each) => {
    const { line } = each.statement;
    const at = (code: string, object: string): Pick<Finding, 'code' | 'where' | 'key'> => ({
      code,
      where: { object, migration, file, ...(line !== undefined && { line }) },
      key: keyOf(`${code}:${migration}:${object}`),
    });
    const own = ofVerdict(each, at, migration);
    return [
      ...(own ? [own] : []),
      ...each.hazards.map(({ code, object, message, help }) => ({
        ...at(code, object),
        severity: 'warning' as const,
        message,
        help: named(help, migration),
      })),
    ];
  });
}

type Place = (code: string, object: string) => Pick<Finding, 'code' | 'where' | 'key'>;

const severities: Partial<Record<PlanVerdict, Finding['severity']>> = {
  blocks: 'error',
  fails: 'error',
  slow: 'warning',
  unknown: 'info',
};

/** Returns a hint whose command has the name of the migration. */
function named(help: string, migration: string): string {
  return help.replace('expand-contract NAME', `expand-contract ${shellWord(migration)}`);
}

function ofVerdict(judged: StatementVerdict, at: Place, migration: string): Finding | undefined {
  const { verdict, statement, violations } = judged;
  const severity = severities[verdict];
  if (!severity) return undefined;
  const code = verdict === 'unknown' ? 'unknown-size' : verdict;
  const cure = planChecks.find(({ name }) => name === code)?.cure ?? '';
  const isReplaceable = verdict === 'blocks' && changesType(statement);
  const help = isReplaceable ? named(replacedColumn, migration) : cure;
  const message = verdict === 'fails' ? violations.join('\n') : describe(judged);
  return { ...at(code, objectOf(judged, statement)), severity, message, help };
}

function objectOf({ blocked }: StatementVerdict, { locks }: StatementObservation): string {
  const [first] = blocked.filter(({ isHeld }) => !isHeld);
  const found = first ?? blocked[0] ?? locks[0]?.relation;
  return found ? relationName(found) : 'statement';
}

const replacedColumn =
  'Build the column with the new type beside the old one: dbops migrate expand-contract NAME. Or allow it: -- dbops: allow blocks on TABLE because REASON';

/** Returns whether a statement rewrites a table because the type of a column changes. */
function changesType({ sql, rewrites }: StatementObservation): boolean {
  const text = withoutLeadingComments(sql);
  return rewrites.length > 0 && /^alter\s+table\b[^]*\balter\b[^]*\btype\b/i.test(text);
}

/** Such as `ACCESS EXCLUSIVE on public.orders for about 9 min (3 to 27 min): reads and writes wait. It rewrites …`. */
function describe({ duration, blocked, statement, writesQueued }: StatementVerdict): string {
  const time = duration ? `for ${describeBand(duration)}` : 'for a time that depends on its size';
  const locks = blocked.map(
    ({ schema, name, mode, isHeld }) =>
      `${mode} on ${schema}.${name}${isHeld ? ' (held since an earlier statement)' : ''}`,
  );
  const queue =
    writesQueued !== undefined && writesQueued > 0
      ? `; about ${formatCountOf(writesQueued, 'write')} would wait at the end`
      : '';
  const waits = waiting(blocked);
  const lead =
    blocked.length > 0
      ? `${locks.join(', ')} ${time}: ${waits}${queue}.`
      : `The statement runs ${time}, and reads and writes go on.`;
  return [lead, ...workOf(statement)].join(' ');
}

function waiting(blocked: readonly BlockedTable[]): string {
  return blocked.some(({ reads }) => reads) ? 'reads and writes wait' : 'writes wait';
}

/** Returns why a statement takes its time, one sentence. */
function workOf(statement: StatementObservation): string[] {
  const { rewrites, builds, scans } = statement;
  const unique = (names: string[]) => [...new Set(names)];
  const parts = [
    ...unique(rewrites.map(relationName)).map((table) => `rewrites ${table}`),
    ...(builds.length > 0
      ? [
          `builds ${formatCountOf(builds.length, 'index', 'indexes')} of ${unique(builds.map(({ relation }) => relationName(relation))).join(', ')}`,
        ]
      : []),
    ...unique(
      scans
        .filter(({ reason }) => reason !== 'write')
        .map(({ relation }) => relationName(relation)),
    ).map((table) => `reads every row of ${table}`),
    ...unique(
      scans
        .filter(({ reason }) => reason === 'write')
        .map(({ relation }) => relationName(relation)),
    ).map((table) => `writes rows of ${table}`),
  ];
  return parts.length === 0 ? [] : [`It ${parts.join(', ')}.`];
}

/** Seconds. */
const longTransaction = 60;

/** Returns a finding where a statement would wait for a transaction that is already open. */
export function findingsOfActivity(
  activity: ServerActivity | undefined,
  migrations: readonly MigrationVerdict[],
): Finding[] {
  const oldest = activity?.longestTransaction;
  if (!oldest || oldest.seconds < longTransaction) return [];
  const statements = migrations.flatMap((each) => each.statements);
  const waits = statements.some(
    ({ blocked, statement }) => blocked.length > 0 || statement.waitsForTransactions,
  );
  if (!waits) return [];
  const { pid, seconds, role, application } = oldest;
  return [
    {
      code: 'long-transaction',
      severity: 'warning',
      message: `A transaction of ${role}${application && ` (${application})`} has been open for ${formatCount(seconds)} s (process ${pid}): locks of the migrations may wait for it, and other statements behind them.`,
      help: `End it first, or let it end: SELECT pg_terminate_backend(${pid})`,
      where: { object: `process ${pid}` },
      key: `long-transaction:${role}`,
    },
  ];
}
