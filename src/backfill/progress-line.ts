import { formatDuration } from '../output/duration.ts';
import { formatCount } from '../output/number.ts';

/** How far a run is. */
export interface BackfillProgress {
  /** Fraction of the pages, from 0 to 1. */
  fraction: number;
  /** Rows that were changed, including by interrupted runs. */
  changed: number;
  rowsPerSecond: number;
  /** Unknown at the start. */
  etaSeconds?: number;
  /** Why the run waits or slows down. */
  reason?: string | undefined;
}

const width = 20;

/** Returns `[########            ]  41 %  2,050,000 rows  97,000/s  31 s left`. */
export function progressLine(label: string, progress: BackfillProgress): string {
  const { fraction, changed, rowsPerSecond, etaSeconds, reason } = progress;
  const filled = Math.round(Math.min(1, fraction) * width);
  const bar = `[${'#'.repeat(filled)}${' '.repeat(width - filled)}]`;
  const percent = `${Math.floor(Math.min(1, fraction) * 100)} %`.padStart(5);
  return [
    `backfill ${label}`,
    `${bar} ${percent}`,
    `${formatCount(changed)} rows`,
    `${formatCount(rowsPerSecond)}/s`,
    ...(etaSeconds === undefined ? [] : [`${formatDuration(etaSeconds * 1_000)} left`]),
    ...(reason ? [`(${reason})`] : []),
  ].join('  ');
}
