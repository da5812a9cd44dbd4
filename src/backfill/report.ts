import { exitCodes, type ExitCode } from '../errors.ts';
import { formatDuration } from '../output/duration.ts';
import { formatCount, formatCountOf } from '../output/number.ts';
import { shellWord } from '../output/shell.ts';
import { done, text, type Block, type Report } from '../report.ts';
import type { BackfillResult } from './run.ts';

/** Returns the report of a run or a dry run, for people and for programs. */
export function accountReport(name: string, result: BackfillResult, isDryRun: boolean): Report {
  const { state } = result;
  return {
    exitCode: isDryRun ? exitCodes.done : exitCodeOf(result),
    data: {
      ...jsonOf(name, result),
      ...(isDryRun && { dryRun: true, triggers: result.firing ?? [] }),
    },
    blocks: [
      text(describeCounts(name, result), state === 'complete' ? 'good' : 'warn'),
      ...(isDryRun ? [] : [text(describeWork(result), 'dim')]),
      ...orphanLines(result),
      ...mismatchLines(name, result),
      ...quarantineLines(name, result),
      ...(isDryRun ? [] : openLines(name, result)),
      ...triggerLines(name, result, isDryRun),
      ...firingLines(result),
    ],
  };
}

/** Returns the report of a run that dropped the trigger of a backfill which can no longer fill rows. */
export function retiredReport(name: string, reason: string): Report {
  return done(
    { name, state: 'obsolete', hasTrigger: false, reason },
    text(`✓ ${name} has no trigger; it can no longer be filled: ${reason}`, 'good'),
  );
}

function exitCodeOf({ state }: BackfillResult): ExitCode {
  if (state === 'complete') return exitCodes.done;
  return state === 'failed' ? exitCodes.failed : exitCodes.findings;
}

function openLines(name: string, { counts, puttingBack }: BackfillResult): Block[] {
  if (counts.open === 0) return [];
  const again = `dbops backfill run ${shellWord(name)}`;
  if (puttingBack === undefined)
    return [text(`→ Other sessions lock the open rows. Run again: ${again}`)];
  const rows = formatCountOf(counts.open, 'row is', 'rows are');
  const suspects = puttingBack.length > 0 ? `: ${puttingBack.join(', ')}` : '';
  return [
    text(
      `  ${rows} still open after the update, and no other session locks them: a trigger or rule of the table restores the previous value${suspects}`,
      'warn',
    ),
    text(`→ Disable it or let it accept the value, then run: ${again}`),
  ];
}

/** Other sessions may have deleted or changed filled rows since; those do not count as changed. */
function changedOf({ counts, changed }: BackfillResult): number {
  return Math.min(changed, counts.right);
}

function jsonOf(name: string, result: BackfillResult) {
  const { state, counts, batches, durationMs, proofMs, quarantine } = result;
  return {
    name,
    state: state === 'complete' ? state : 'incomplete',
    rowsTotal: counts.total,
    rowsDone: counts.right,
    rowsChanged: changedOf(result),
    rowsOpen: counts.open,
    orphans: counts.orphans,
    mismatched: counts.mismatched,
    quarantined: counts.quarantined,
    quarantine: quarantine.map(({ table, id, sqlstate, error }) => ({
      table,
      id,
      sqlstate,
      error,
    })),
    batches,
    durationMs: Math.round(durationMs),
    proofMs: Math.round(proofMs),
    pacedMs: Math.round(result.pacing?.paused ?? 0),
    rowsPerSecond: Math.round(result.changed / Math.max(durationMs / 1_000, 0.001)),
    etaSeconds: 0,
  };
}

/** Returns `NAME: 3,150 rows = 0 already filled + 3,150 changed + 0 orphans + 0 mismatched`. */
function describeCounts(name: string, result: BackfillResult): string {
  const { total, right, open, orphans, mismatched, quarantined } = result.counts;
  const changed = changedOf(result);
  const parts: [count: number, what: string][] = [
    [right - changed, 'already filled'],
    [changed, 'changed'],
    ...(open > 0 ? [[open, 'open'] as [number, string]] : []),
    [orphans, 'orphans'],
    [mismatched, 'mismatched'],
    ...(quarantined > 0 ? [[quarantined, 'in quarantine'] as [number, string]] : []),
  ];
  const sum = parts.map(([count, what]) => `${formatCount(count)} ${what}`).join(' + ');
  return `${name}: ${formatCount(total)} rows = ${sum}`;
}

function describeWork(result: BackfillResult): string {
  const { batches, durationMs, proofMs, changed, counts } = result;
  const lost = changed - counts.right;
  const total = formatDuration(durationMs);
  return [
    `${formatCount(batches)} batches in ${total}, including ${formatDuration(proofMs)} for the final count`,
    ...describePacing(result),
    ...(lost > 0 ? [`${formatCount(lost)} filled rows were deleted or changed since`] : []),
  ].join('; ');
}

function describePacing({ pacing }: BackfillResult): string[] {
  if (!pacing || pacing.paused < 1) return [];
  const { paused, idle, slowest } = pacing;
  const times = `${idle.toFixed(1)} ms before the run, up to ${slowest.toFixed(0)} ms during it`;
  return [`paused ${formatDuration(paused)} while commits of the server were slow (${times})`];
}

function orphanLines({ counts, samples }: BackfillResult): Block[] {
  if (counts.orphans === 0) return [];
  return [
    ...samples.orphans.map((sample) => text(`  ${sample}`, 'warn')),
    text(
      '→ Set the value of their source, or delete them, and run the backfill again. Or use --orphans skip, or --orphans set=VALUE.',
    ),
  ];
}

function mismatchLines(name: string, { counts, samples }: BackfillResult): Block[] {
  if (counts.mismatched === 0) return [];
  return [
    ...samples.mismatched.map((sample) => text(`  ${sample}`, 'warn')),
    text(
      `→ To overwrite mismatched rows with the value of their source: dbops backfill run ${shellWord(name)} --fix-mismatched`,
    ),
  ];
}

const maxQuarantineLines = 10;

function quarantineLines(name: string, { quarantine }: BackfillResult): Block[] {
  if (quarantine.length === 0) return [];
  const shown = quarantine.slice(0, maxQuarantineLines);
  const hidden = quarantine.length - shown.length;
  return [
    ...shown.map(({ table, id, sqlstate, error }) =>
      text(`  ${table} ${id} is in quarantine: ${error} (SQLSTATE ${sqlstate})`, 'bad'),
    ),
    ...(hidden > 0 ? [text(`  … and ${formatCount(hidden)} more`, 'bad')] : []),
    text(`→ Fix the rows or the expression, then run: dbops backfill run ${shellWord(name)}`),
  ];
}

function firingLines({ firing = [] }: BackfillResult): Block[] {
  if (firing.length === 0) return [];
  return [text(`Each changed row fires: ${firing.join(', ')}`)];
}

function triggerLines(name: string, { hasTrigger }: BackfillResult, isDryRun: boolean): Block[] {
  if (!hasTrigger || isDryRun) return [];
  return [
    text(
      `A trigger fills new rows until a migration enforces the column. To drop it earlier: dbops backfill run ${shellWord(name)} --remove-trigger`,
      'dim',
    ),
  ];
}
