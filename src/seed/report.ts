import type { SeedData } from '../documents.ts';
import { exitCodes } from '../errors.ts';
import { formatCount } from '../output/number.ts';
import { text, type Report, type Table } from '../report.ts';
import { hasChanges, type SeedCounts } from './plan.ts';

/** Returns the report on the rows that were, or would be, written; with `check`, exit code 4 for any. */
export function seedReport(
  counts: SeedCounts,
  { write, check }: { write: boolean; check: boolean },
): Report<SeedData> {
  const outdated = check && hasChanges(counts);
  const [created, updated, unchanged] = [counts.created, counts.updated, counts.unchanged].map(
    (rows) => formatCount(total(rows)),
  );
  const prefix = write ? '✓ ' : 'dry run: ';
  const summary = `${prefix}${created} created, ${updated} updated, ${unchanged} unchanged`;
  return {
    exitCode: outdated ? exitCodes.findings : exitCodes.done,
    data: { ...counts, ...(!write && { dryRun: true }) },
    blocks: [toTable(counts), text(summary, outdated ? 'warn' : 'good')],
  };
}

function total(byTable: Record<string, number>): number {
  return Object.values(byTable).reduce((sum, rows) => sum + rows, 0);
}

function toTable({ created, updated, unchanged }: SeedCounts): Table {
  const column = (key: string) => ({ key, label: key, align: 'right' as const });
  const rows = Object.keys(unchanged).map((table) => ({
    table,
    created: created[table] ?? 0,
    updated: updated[table] ?? 0,
    unchanged: unchanged[table] ?? 0,
  }));
  const columns = [
    { key: 'table', label: 'table' },
    ...['created', 'updated', 'unchanged'].map(column),
  ];
  return { kind: 'table', columns, rows };
}
