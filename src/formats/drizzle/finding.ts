import type { Finding } from '../../report.ts';

interface About extends Omit<Finding, 'where' | 'key'> {
  /** The migration, the file or the row. */
  name: string;
}

/** Returns a finding about a migration, a file or a row. */
export function findingOf({ name, ...finding }: About): Finding {
  return { ...finding, where: { object: name }, key: `${finding.code}:${name}` };
}

const day = 24 * 60 * 60 * 1000;

/** Returns whether a time is more than a day ahead, which no inaccurate clock explains. */
export function isFuture(milliseconds: number): boolean {
  return milliseconds > Date.now() + day;
}

/** Returns a time as text; a `when` written by hand may exceed the range of a date. */
export function timeOf(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? 'no date' : date.toISOString();
}
