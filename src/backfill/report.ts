import type { BackfillResult } from './run.ts';
import { grouped } from './progress-line.ts';
import { exitCodes } from '../errors.ts';
import { formatDuration } from '../output/duration.ts';
import { text, type Block, type Report } from '../report.ts';

/** The account of a run, for people and for programs. */
export function accountReport(name: string, result: BackfillResult, isDryRun: boolean): Report {
  const { state, account } = result;
  const exitCode =
    state === 'complete' || isDryRun
      ? exitCodes.done
      : state === 'failed'
        ? exitCodes.failed
        : exitCodes.findings;
  return {
    exitCode,
    data: { ...keysOf(name, result), ...(isDryRun && { dryRun: true }) },
    blocks: [
      text(sentence(name, result), state === 'complete' ? 'good' : 'warn'),
      ...(isDryRun ? [] : [text(pastWork(result), 'dim')]),
      ...orphanLines(result),
      ...mismatchLines(name, result),
      ...quarantineLines(name, result),
      ...(account.open > 0 && !isDryRun
        ? [text('→ Rows are still open: others hold them. Run the backfill again.')]
        : []),
      ...triggerLines(name, result, isDryRun),
    ],
  };
}

/** Others may have deleted or changed rows that were filled: they are not counted as changed. */
function changedOf({ account, changed }: BackfillResult): number {
  return Math.min(changed, account.right);
}

function keysOf(name: string, result: BackfillResult) {
  const { state, account, batches, durationMs, proofMs, quarantine } = result;
  const changed = changedOf(result);
  return {
    name,
    state: state === 'complete' ? state : 'incomplete',
    rowsTotal: account.total,
    rowsDone: account.right,
    rowsChanged: changed,
    rowsOpen: account.open,
    orphans: account.orphans,
    mismatched: account.mismatched,
    quarantined: account.quarantined,
    quarantine: quarantine.map(({ table, id, sqlstate, error }) => ({
      table,
      id,
      sqlstate,
      error,
    })),
    batches,
    durationMs: Math.round(durationMs),
    proofMs: Math.round(proofMs),
    rowsPerSecond: Math.round(result.changed / Math.max(durationMs / 1_000, 0.001)),
    etaSeconds: 0,
  };
}

/** total = already right + changed + orphans + mismatched, and what else there may be. */
function sentence(name: string, result: BackfillResult): string {
  const { total, right, open, orphans, mismatched, quarantined } = result.account;
  const changed = changedOf(result);
  const parts = [
    `${right - changed} already right`,
    `${changed} changed`,
    ...(open > 0 ? [`${open} to fill`] : []),
    `${orphans} orphans`,
    `${mismatched} mismatched`,
    ...(quarantined > 0 ? [`${quarantined} set aside`] : []),
  ];
  return `${name}: ${total} rows = ${parts.join(' + ')}`;
}

function pastWork({ batches, durationMs, proofMs, changed, account }: BackfillResult): string {
  const lost = changed - account.right;
  return [
    `${batches} batches in ${formatDuration(durationMs)}, of which ${formatDuration(proofMs)} for the proof`,
    ...(lost > 0 ? [`${grouped(lost)} of the rows that were filled are gone since`] : []),
  ].join('; ');
}

function orphanLines({ account, samples }: BackfillResult): Block[] {
  if (account.orphans === 0) return [];
  return [
    ...samples.orphans.map((sample) => text(`  ${sample}`, 'warn')),
    text(
      '→ Give their source a value (or delete them), and run the backfill again; or leave them with --orphans skip, or give them a value with --orphans set=VALUE.',
    ),
  ];
}

function mismatchLines(name: string, { account, samples }: BackfillResult): Block[] {
  if (account.mismatched === 0) return [];
  return [
    ...samples.mismatched.map((sample) => text(`  ${sample}`, 'warn')),
    text(
      `→ Mismatched rows hold another value than their source. Where the source is right: dbops backfill run ${name} --fix-mismatched`,
    ),
  ];
}

function quarantineLines(name: string, { quarantine }: BackfillResult): Block[] {
  if (quarantine.length === 0) return [];
  return [
    ...quarantine
      .slice(0, 10)
      .map(({ table, id, sqlstate, error }) =>
        text(`  ${table} ${id} is set aside: ${error} (SQLSTATE ${sqlstate})`, 'bad'),
      ),
    ...(quarantine.length > 10 ? [text(`  … and ${quarantine.length - 10} more`, 'bad')] : []),
    text(`→ Correct the rows or the expression, then: dbops backfill run ${name}`),
  ];
}

function triggerLines(name: string, { hasTrigger }: BackfillResult, isDryRun: boolean): Block[] {
  if (!hasTrigger || isDryRun) return [];
  return [
    text(
      `a trigger fills new rows until the column is enforced; take it away earlier with: dbops backfill run ${name} --remove-trigger`,
      'dim',
    ),
  ];
}
