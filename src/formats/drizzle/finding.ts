import type { Finding } from '../../report.ts';

interface About extends Omit<Finding, 'where' | 'key'> {
  /** Of the migration, the file or the row. */
  name: string;
}

export function findingOf({ name, ...finding }: About): Finding {
  return { ...finding, where: { object: name }, key: `${finding.code}:${name}` };
}

const day = 24 * 60 * 60 * 1000;

/** Whether a time can't be explained by a clock that is somewhat wrong. */
export function isFuture(milliseconds: number): boolean {
  return milliseconds > Date.now() + day;
}

/** For people; a `when` that somebody made up may be beyond what a date can be. */
export function timeOf(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? 'no date' : date.toISOString();
}
