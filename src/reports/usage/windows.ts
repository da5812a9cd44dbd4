import { monthAround, type Period } from '../period.ts';
import { measureOf, periodOf, type Meter } from './definition.ts';

/** What a usage report is asked for. */
export interface UsageRequest {
  /** The instant that the report describes. */
  asOf: Date;
  /** The present, of which plans, limits and levels are. */
  now: Date;
  /** Default: the UTC month that contains `asOf`. */
  period?: Period | undefined;
  /** Slug or id. Default: every subject. */
  subject?: string | undefined;
  /** Default: every meter. */
  meter?: string | undefined;
  /** Return exit code 4 when a figure has one of these states. */
  failOn?: readonly ('over' | 'no-limit-row')[];
}

/** The events that a meter counts: `from` is included, `until` is not; each absent where there is no bound. */
export interface Window {
  from?: Date;
  until?: Date;
  /** The bounds are those of each subject's billing period. */
  isOfSubject?: true;
}

/** Returns the period of the report. */
export function reportPeriod({ period, asOf }: Pick<UsageRequest, 'period' | 'asOf'>): Period {
  return period ?? monthAround(asOf);
}

/** Returns the end of what the report counts: the end of its period, or `asOf` where that is earlier. */
export function reportEnd(request: Pick<UsageRequest, 'period' | 'asOf'>): Date {
  const { to } = reportPeriod(request);
  return request.asOf < to ? request.asOf : to;
}

/** Returns the window of a meter. The latest value of an earlier period is still the level. */
export function windowOf(meter: Meter, request: UsageRequest): Window {
  if (meter.at === undefined) return {};
  const until = reportEnd(request);
  const period = periodOf(meter);
  if (period === 'now' || period === 'all' || measureOf(meter).kind === 'latest') return { until };
  if (period === 'billing') return { isOfSubject: true };
  return { from: period === 'day' ? dayOfReport(request) : reportPeriod(request).from, until };
}

/** Returns the start of the UTC day of `asOf`; of a period that is over, that of its last day. */
function dayOfReport(request: UsageRequest): Date {
  const { to } = reportPeriod(request);
  const last = request.asOf < to ? request.asOf : new Date(to.getTime() - 1);
  return new Date(Date.UTC(last.getUTCFullYear(), last.getUTCMonth(), last.getUTCDate()));
}
