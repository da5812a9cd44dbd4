import { formatDuration } from '../output/duration.ts';

/** How far a run is. */
export interface Progress {
  /** Of the pages, from 0 to 1. */
  fraction: number;
  /** Rows that were changed, also by the runs that were cut off. */
  changed: number;
  rowsPerSecond: number;
  /** Not known at the very beginning. */
  etaSeconds?: number;
  /** Why it waits or goes slowly. */
  reason?: string | undefined;
}

const width = 20;

/** `[########            ]  41 %  2,050,000 rows  97,000/s  31 s left` */
export function progressLine(label: string, progress: Progress): string {
  const { fraction, changed, rowsPerSecond, etaSeconds, reason } = progress;
  const filled = Math.round(Math.min(1, fraction) * width);
  const bar = `[${'#'.repeat(filled)}${' '.repeat(width - filled)}]`;
  const percent = `${Math.floor(Math.min(1, fraction) * 100)} %`.padStart(5);
  const rest = etaSeconds === undefined ? '' : `  ${formatDuration(etaSeconds * 1_000)} left`;
  return `backfill ${label}  ${bar} ${percent}  ${grouped(changed)} rows  ${grouped(rowsPerSecond)}/s${rest}${reason ? `  (${reason})` : ''}`;
}

/** `2,050,000` */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}
