import { describeDetail } from '../../catalog/describe.ts';
import type { Difference } from '../../catalog/differences.ts';
import { objectName } from '../../catalog/snapshot.ts';
import { DbopsError, exitCodes, usageError } from '../../errors.ts';
import type { Folder } from '../../formats/format.ts';
import type { Prefix } from './baseline.ts';
import type { Migration } from '../../migration.ts';
import { formatCountOf } from '../../output/number.ts';
import { text, type Block, type JsonValue, type Report } from '../../report.ts';
import { findingsOf, nextStep, type Baseline } from './findings.ts';

/** How many differences are listed; the rest is a count. */
const listed = 20;

/** Returns the report on what was recorded, or would be, and on what the catalog cannot prove. */
export async function baselineReport(baseline: Baseline): Promise<Report> {
  const { folder, recorded, dryRun } = baseline;
  const { format, tracking, migrations } = folder;
  const findings = await findingsOf(baseline);
  const count = `${recorded.length} of ${migrations.length} migrations`;
  const done = dryRun ? 'would be recorded' : 'recorded';
  const summary =
    findings.length === 0
      ? `✓ ${count} are there exactly, and ${done} in ${tracking.table}`
      : `✓ ${count} ${done} in ${tracking.table}; the catalog does not prove all of it, see above`;
  return {
    exitCode: exitCodes.done,
    data: {
      format: format.name,
      migrations: statesOf(folder, recorded.length, dryRun ? 'proven' : 'recorded'),
      differences: [],
      findings,
      dryRun,
    },
    blocks: [
      ...(findings.length > 0 ? [{ kind: 'findings' as const, findings }] : []),
      text(summary, findings.length === 0 ? 'good' : 'warn'),
      ...(recorded.length < migrations.length ? [text(nextStep(baseline))] : []),
    ],
  };
}

function statesOf({ migrations }: Folder, recorded: number, state: string): JsonValue[] {
  return migrations.map(({ name }, at) => ({ name, state: at < recorded ? state : 'pending' }));
}

/**
 * Returns the report on a database that matches no prefix: nothing is recorded, and the differences
 * are listed.
 */
export function notExact(
  folder: Folder,
  asked: readonly Migration[],
  { length, differences }: Prefix,
  isNamed: boolean,
): Report {
  const nearest = asked[length - 1]?.name ?? '';
  const rest = differences.length - listed;
  const lines = differences
    .slice(0, listed)
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
      message: isNamed
        ? `The schema is not the one that the migrations up to ${nearest} produce; nothing was recorded.`
        : `The schema matches no point in the migration history; the closest is after ${nearest}. Nothing was recorded.`,
      reason: [`${differences.length} difference${differences.length === 1 ? '' : 's'}`],
      hint: differences.every(({ change }) => change === 'extra')
        ? 'Add these objects to a migration, or, if they belong to another application, exclude them (schemas or ignore in dbops.config.ts), then run: dbops migrate baseline --dry-run'
        : 'Correct the database or the folder, then: dbops migrate baseline --dry-run',
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

/** Baseline applies to databases without tracking rows. */
export function alreadyTracked(table: string, rows: number): DbopsError {
  return new DbopsError({
    code: 'BASELINE.TRACKED',
    exitCode: exitCodes.desynchronised,
    message: `${table} already has rows; baseline is for a database without tracking rows.`,
    reason: [`${formatCountOf(rows, 'migration is', 'migrations are')} recorded`],
    hint: 'If rows are missing or wrong: dbops repair-tracking. To see the recorded state: dbops migrate status',
  });
}

/** An empty database has no schema that could be recorded. */
export function emptyDatabase(name: string): DbopsError {
  return usageError(
    'BASELINE.EMPTY',
    `${name} is empty: no migration was applied to it.`,
    'Apply them: dbops migrate up',
  );
}

/** The schema changed after it was proven. */
export function changedMeanwhile(): DbopsError {
  return usageError(
    'BASELINE.CHANGED',
    'The schema changed while it was being compared; nothing was recorded.',
    'Run the command again when no other migration is running: dbops migrate baseline',
  );
}
