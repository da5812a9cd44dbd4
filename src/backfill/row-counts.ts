import { underUserPath } from '../db/search-path.ts';
import { readOnly, type Session } from '../db/session.ts';
import { account, isQuarantined, samples } from './sql.ts';
import type { Quarantined } from './store.ts';
import type { Subject } from './resolve-target.ts';

/** Rows by what is to be said of them; every row is counted once. */
export type Account = {
  total: number;
  /** They need nothing. */
  right: number;
  /** They could be filled. */
  open: number;
  /** Nothing says what they should have. */
  orphans: number;
  /** They have another value than the source says. */
  mismatched: number;
  /** Their value can't be computed or stored. */
  quarantined: number;
};

const nothing: Account = {
  total: 0,
  right: 0,
  open: 0,
  orphans: 0,
  mismatched: 0,
  quarantined: 0,
};

/** Counts every row of every target in one snapshot. */
export function takeAccount(
  session: Session,
  subjects: readonly Subject[],
  inQuarantine: readonly Quarantined[] = [],
): Promise<{ sum: Account; byTarget: Account[] }> {
  return readOnly(session, async () => {
    const byTarget: Account[] = [];
    for (const [at, subject] of subjects.entries()) {
      const [row = nothing] = await underUserPath<Account>(
        session,
        account(subject, failedOf(subject, at, inQuarantine)),
      );
      byTarget.push(row);
    }
    const sum = byTarget.reduce((all, each) => add(all, each), nothing);
    return { sum, byTarget };
  });
}

function add(a: Account, b: Account): Account {
  return {
    total: a.total + b.total,
    right: a.right + b.right,
    open: a.open + b.open,
    orphans: a.orphans + b.orphans,
    mismatched: a.mismatched + b.mismatched,
    quarantined: a.quarantined + b.quarantined,
  };
}

/** SQL: whether a row is in quarantine. */
export function failedOf(
  subject: Subject,
  target: number,
  inQuarantine: readonly Quarantined[],
): string {
  return isQuarantined(
    subject,
    inQuarantine.filter((row) => row.target === target),
  );
}

/** A few rows of each class that is not empty, in words. */
export async function describeRows(
  session: Session,
  subjects: readonly Subject[],
  { byTarget }: { byTarget: readonly Account[] },
  inQuarantine: readonly Quarantined[] = [],
): Promise<{ orphans: string[]; mismatched: string[] }> {
  const words = { orphans: [] as string[], mismatched: [] as string[] };
  for (const [at, subject] of subjects.entries())
    for (const which of ['orphans', 'mismatched'] as const) {
      if (!byTarget[at]?.[which]) continue;
      const sql = samples(subject, failedOf(subject, at, inQuarantine), which);
      const rows = await readOnly(session, () => underUserPath<{ sample: string }>(session, sql));
      const what = which === 'orphans' ? ': nothing says its value' : '';
      words[which].push(...rows.map(({ sample }) => `${subject.label} ${sample}${what}`));
    }
  return words;
}
