import * as z from 'zod';
import { underUserPath } from '../db/search-path.ts';
import { readOnly, type Session } from '../db/session.ts';
import { account, isQuarantined, samples } from './sql.ts';
import type { Subject } from './resolve-target.ts';

/** Rows by class; every row is counted once. */
export const rowCountsSchema = z.object({
  total: z.number(),
  /** Rows that need nothing. */
  right: z.number(),
  /** Rows that can be filled. */
  open: z.number(),
  /** Rows whose source has no value. */
  orphans: z.number(),
  /** Rows whose value differs from that of their source. */
  mismatched: z.number(),
  /** Rows whose value cannot be computed or stored. */
  quarantined: z.number(),
});

export type RowCounts = z.infer<typeof rowCountsSchema>;

export const quarantinedSchema = z.object({
  /** Index of the target in the definition. */
  target: z.number(),
  relation: z.string(),
  /** As in `Rows`. */
  id: z.string(),
  sqlstate: z.string(),
  error: z.string(),
});

/** A row whose value cannot be computed or stored. */
export type Quarantined = z.infer<typeof quarantinedSchema>;

const noRows: RowCounts = {
  total: 0,
  right: 0,
  open: 0,
  orphans: 0,
  mismatched: 0,
  quarantined: 0,
};

/** Counts every row of every target in one snapshot. */
export function countRows(
  session: Session,
  subjects: readonly Subject[],
  inQuarantine: readonly Quarantined[] = [],
): Promise<{ sum: RowCounts; byTarget: RowCounts[] }> {
  return readOnly(session, async () => {
    const byTarget: RowCounts[] = [];
    for (const [at, subject] of subjects.entries()) {
      const sql = account(subject, failedOf(subject, at, inQuarantine));
      const [row] = await underUserPath(session, sql);
      byTarget.push(rowCountsSchema.parse(row));
    }
    return { sum: byTarget.reduce(add, noRows), byTarget };
  });
}

function add(a: RowCounts, b: RowCounts): RowCounts {
  return {
    total: a.total + b.total,
    right: a.right + b.right,
    open: a.open + b.open,
    orphans: a.orphans + b.orphans,
    mismatched: a.mismatched + b.mismatched,
    quarantined: a.quarantined + b.quarantined,
  };
}

/** Returns SQL: whether a row of the target is in quarantine. */
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

/** Describes a few orphans and mismatched rows of each target. */
export async function describeRows(
  session: Session,
  subjects: readonly Subject[],
  { byTarget }: { byTarget: readonly RowCounts[] },
  inQuarantine: readonly Quarantined[] = [],
): Promise<{ orphans: string[]; mismatched: string[] }> {
  const described = { orphans: [] as string[], mismatched: [] as string[] };
  for (const [at, subject] of subjects.entries())
    for (const which of ['orphans', 'mismatched'] as const) {
      if (!byTarget[at]?.[which]) continue;
      const sql = samples(subject, failedOf(subject, at, inQuarantine), which);
      const rows = await readOnly(session, () => underUserPath<{ sample: string }>(session, sql));
      const reason = which === 'orphans' ? ': no value in its source' : '';
      described[which].push(...rows.map(({ sample }) => `${subject.label} ${sample}${reason}`));
    }
  return described;
}
