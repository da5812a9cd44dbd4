import { formatDuration } from '../output/duration.ts';
import type { DurationBand } from './live-facts.ts';

/** Returns `about 9 min 0 s (3 min 0 s to 27 min 0 s)`; below a tenth of a second `less than 0.1 s`. */
export function describeBand({ low, likely, high }: DurationBand): string {
  if (high < 100) return 'less than 0.1 s';
  return `about ${formatDuration(likely)} (${formatDuration(low)} to ${formatDuration(high)})`;
}

/** Returns the sum of bands. */
export function sumOf(bands: readonly DurationBand[]): DurationBand {
  const sum = (key: keyof DurationBand) => bands.reduce((total, band) => total + band[key], 0);
  return { low: sum('low'), likely: sum('likely'), high: sum('high') };
}
