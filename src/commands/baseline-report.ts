import { readFileSync } from 'node:fs';
import type { Detail, Difference } from '../catalog/differences.ts';
import { objectName } from '../catalog/full-snapshot.ts';
import { DbopsError, exitCodes, usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Proof } from '../migrate/baseline.ts';
import type { Migration } from '../migration.ts';
import { text, type Block, type Finding, type JsonValue, type Report } from '../report.ts';
import { changesData, moduleChangesData } from '../sql/data-statements.ts';

/** How many differences are told; the rest is a count. */
const told = 20;

/** What was recorded, or would be, and what no catalog can prove about it. */
export async function baselineReport(
  folder: Folder,
  proven: readonly Migration[],
  { best, firstExact = best.length }: Proof,
  { dryRun }: { dryRun: boolean },
): Promise<Report> {
  const { format, tracking, migrations } = folder;
  const state = dryRun ? 'proven' : 'recorded';
  const findings = [
    ...(await Promise.all(proven.map(unprovenData))).flat(),
    ...proven.slice(firstExact).map((each) => withoutTrace(each, proven[firstExact - 1])),
  ];
  const count = `${proven.length} of ${migrations.length} migrations`;
  const summary = dryRun
    ? `✓ ${count} are there exactly, and would be recorded in ${tracking.table}`
    : `✓ ${count} are there exactly, and recorded in ${tracking.table}`;
  return {
    exitCode: exitCodes.done,
    data: {
      format: format.name,
      migrations: statesOf(folder, proven.length, state),
      differences: [],
      findings,
      dryRun,
    },
    blocks: [
      ...(findings.length > 0 ? [{ kind: 'findings' as const, findings }] : []),
      text(summary, 'good'),
      ...(proven.length < migrations.length ? [text(`→ The others: dbops migrate up`)] : []),
    ],
  };
}

function statesOf({ migrations }: Folder, recorded: number, state: string): JsonValue[] {
  return migrations.map(({ name }, at) => ({ name, state: at < recorded ? state : 'pending' }));
}

async function unprovenData({ name, up }: Migration): Promise<Finding[]> {
  const changes =
    up.kind === 'sql'
      ? await changesData(up.sql)
      : moduleChangesData(readFileSync(up.file, 'utf8'));
  if (!changes) return [];
  return [
    {
      code: 'data-not-proven',
      severity: 'warning',
      message: `${name} also changes rows, and a catalog does not show whether that was done.`,
      help: `Look whether its rows are there: ${up.file}`,
      where: { object: up.file, migration: name },
      key: `data-not-proven:${name}`,
    },
  ];
}

function withoutTrace({ name, up }: Migration, lastProven: Migration | undefined): Finding {
  return {
    code: 'no-trace',
    severity: 'warning',
    message: `The catalog is the same without ${name}, so it does not show whether it was run.`,
    help: `If it was not, record only what is proven: dbops migrate baseline --to ${lastProven?.name ?? ''}`,
    where: { object: up.file, migration: name },
    key: `no-trace:${name}`,
  };
}

/** The database is not what the migrations make: nothing is recorded, and the differences are told. */
export function notExact(
  folder: Folder,
  asked: readonly Migration[],
  { best: { length, differences } }: Proof,
  wholeOnly: boolean,
): Report {
  const nearest = asked[length - 1]?.name ?? '';
  const rest = differences.length - told;
  const lines = differences
    .slice(0, told)
    .map((difference): Block => ({ kind: 'text', text: describe(difference), tone: 'bad' }));
  return {
    exitCode: exitCodes.findings,
    data: {
      format: folder.format.name,
      migrations: statesOf(folder, 0, ''),
      nearest,
      differences: differences.map(toJson),
    },
    blocks: [...lines, ...(rest > 0 ? [text(`… and ${rest} more`)] : [])],
    error: new DbopsError({
      code: 'BASELINE.DIFFERENT',
      exitCode: exitCodes.findings,
      message: wholeOnly
        ? `The database is not exactly what the migrations up to ${nearest} make; nothing was recorded.`
        : `The database is not exactly what any first part of the folder makes; the nearest is the one up to ${nearest}. Nothing was recorded.`,
      reason: [`${differences.length} difference${differences.length === 1 ? '' : 's'}`],
      hint: 'Bring database and folder together (correct the one that is wrong), then run the command again: dbops migrate baseline --dry-run',
    }),
  };
}

/** `different column email on public.users: not null is false, expected true`. */
function describe(difference: Difference): string {
  const { change, object } = difference;
  const head = `${change} ${object.kind} ${objectName(object)}`;
  if (difference.change !== 'different') return head;
  return [head, ...difference.details.map(describeDetail)].join('\n    ');
}

function describeDetail({ word, expected, live }: Detail): string {
  return `${word}: ${valueOf(live)}, and not ${valueOf(expected)}`;
}

const longest = 200;

function valueOf(value: unknown): string {
  if (value === undefined) return 'none';
  const shown =
    typeof value === 'string' ? value.replaceAll(/\s+/g, ' ').trim() : JSON.stringify(value);
  return shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
}

function toJson(difference: Difference): JsonValue {
  const { change, object } = difference;
  const details = difference.change === 'different' ? difference.details : [];
  return {
    change,
    kind: object.kind,
    object: objectName(object),
    details: details.map(({ word, expected, live }) => ({
      property: word,
      expected: jsonOf(expected),
      live: jsonOf(live),
    })),
  };
}

function jsonOf(value: unknown): JsonValue {
  return value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value);
}

/** Baseline is for databases that no tool has tracked yet. */
export function alreadyTracked(table: string, rows: number): DbopsError {
  return new DbopsError({
    code: 'BASELINE.TRACKED',
    exitCode: exitCodes.desynchronised,
    message: `${table} has rows already; baseline is for a database that has none.`,
    reason: [`${rows} migration${rows === 1 ? ' is' : 's are'} recorded`],
    hint: 'See what it says of the folder: dbops migrate status',
  });
}

/** There is no schema to record; to mark migrations as applied here would be a lie. */
export function emptyDatabase(name: string): DbopsError {
  return usageError(
    'BASELINE.EMPTY',
    `${name} is empty: there is nothing that migrations could have made.`,
    'Apply them: dbops migrate up',
  );
}

/** The proof was about another catalog. */
export function changedMeanwhile(): DbopsError {
  return usageError(
    'BASELINE.CHANGED',
    'The schema changed while it was being compared; nothing was recorded.',
    'Run the command again when nobody else migrates: dbops migrate baseline',
  );
}
