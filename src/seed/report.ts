import type { SeedData } from '../documents.ts';
import { exitCodes } from '../errors.ts';
import { formatCount } from '../output/number.ts';
import { text, type Block, type Report, type Table } from '../report.ts';
import type { SeedCounts } from './plan.ts';
import type { SeedResult } from './run.ts';
import { describeEffect } from './table-effect.ts';

/** Returns the report on what was, or would be, written; with `check`, exit code 4 for any change. */
export function seedReport(
  { counts, sets, notes }: SeedResult,
  { write, check }: { write: boolean; check: boolean },
): Report<SeedData> {
  const outdated = check && sets.some(({ state }) => state === 'pending');
  const [created, updated, unchanged] = [counts.created, counts.updated, counts.unchanged].map(
    (rows) => formatCount(total(rows)),
  );
  const prefix = write ? '✓ ' : 'dry run: ';
  const summary = `${prefix}${created} created, ${updated} updated, ${unchanged} unchanged`;
  return {
    exitCode: outdated ? exitCodes.findings : exitCodes.done,
    data: {
      ...counts,
      sets: sets.map(({ name, state, repeats }) => ({
        name,
        state,
        ...(repeats && {
          repeats: repeats.map(({ table, added, changed, removed }) => ({
            table,
            added,
            changed,
            removed,
          })),
        }),
      })),
      ...(!write && { dryRun: true }),
    },
    blocks: [toTable(counts), ...remarks(sets, notes), text(summary, outdated ? 'warn' : 'good')],
  };
}

function remarks(sets: SeedResult['sets'], notes: readonly string[]): Block[] {
  const skipped = sets.filter(({ state }) => state === 'skipped').map(({ name }) => name);
  const lines = [
    ...notes,
    ...sets.flatMap(({ name, repeats = [] }) =>
      repeats.map((effect) => `${name} is not idempotent: a second run: ${describeEffect(effect)}`),
    ),
    ...(skipped.length > 0 ? [`not for this environment: ${skipped.join(', ')}`] : []),
  ];
  return lines.map((line) => text(line, 'dim'));
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
