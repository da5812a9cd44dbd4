import type { RowForm } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Effects, Showing, Solution } from './effects.ts';
import { evidenceOf, type Evidence } from './evidence.ts';
import { hasContent, nameOfRow, type Matches, type Orphan, type Row } from './rows.ts';

export const verdicts = [
  'recorded',
  'proven',
  'absent',
  'partial',
  'superseded',
  'unprovable',
  'edited-equivalent',
  'edited-changed',
  'recorded-but-absent',
  'orphan-row',
  'duplicate-row',
  'failed-row',
] as const;
export type Verdict = (typeof verdicts)[number];

/** What the catalog alone says of a migration. */
export type InCatalog = 'proven' | 'superseded' | 'partial' | 'absent' | 'no trace';

/** What is known of one migration, or of one row that is of none. */
export interface Judgement {
  name: string;
  verdict: Verdict;
  inCatalog: InCatalog;
  evidence: Evidence[];
  migration?: Migration;
  /** Rows that say that it is applied: one at the most. */
  row?: Row;
  /** Rows that say that it failed. */
  failed: Row[];
  /** Of a row without a migration. */
  orphan?: Orphan;
}

/** How a file differs from what is recorded of it. */
export type Edit = 'equivalent' | 'changed';

export interface Case {
  migrations: readonly Migration[];
  form: RowForm;
  matches: Matches;
  effects: Effects;
  solution: Solution;
  /** Of the recorded migrations whose hash is another, by name. */
  edits: ReadonlyMap<string, Edit>;
}

/** One judgement a migration, in the folder's order; then the rows that are too many or of none. */
export function judge(given: Case): Judgement[] {
  const { migrations, matches, form } = given;
  return [
    ...migrations.map((migration, at) => judgeMigration(given, migration, at)),
    ...matches.duplicates.map(({ row, migration }) =>
      ofRow(migration.name, 'duplicate-row', { row, migration }),
    ),
    ...matches.orphans.map((orphan) => ofRow(nameOfRow(orphan.row, form), 'orphan-row', orphan)),
  ];
}

function ofRow(name: string, verdict: Verdict, orphan: Orphan): Judgement {
  return {
    name,
    verdict,
    inCatalog: 'no trace',
    evidence: [],
    row: orphan.row,
    failed: [],
    orphan,
  };
}

function judgeMigration(given: Case, migration: Migration, at: number): Judgement {
  const { matches, effects, solution } = given;
  const showings = solution.showings[at] ?? [];
  const last = solution.applied.lastIndexOf(true);
  const inCatalog = inCatalogOf(showings, solution.applied[at] === true, at < last);
  const row = matches.owners.get(migration);
  const failed = matches.failed.get(migration) ?? [];
  const verdict =
    failed.length > 0
      ? 'failed-row'
      : row
        ? ofRecorded(given, migration, { row, showings, inCatalog })
        : ofUnrecorded[inCatalog];
  return {
    name: migration.name,
    verdict,
    inCatalog,
    evidence: evidenceOf(effects.deltas[at] ?? [], showings),
    migration,
    ...(row && { row }),
    failed,
  };
}

const ofUnrecorded: Record<InCatalog, Verdict> = {
  proven: 'proven',
  superseded: 'superseded',
  partial: 'partial',
  absent: 'absent',
  'no trace': 'unprovable',
};

/**
 * A migration that was not found to be applied may still contradict nothing: what it makes, a later
 * one takes away again. Before a proven one it is left open; after all of them it is pending.
 */
function inCatalogOf(
  showings: readonly Showing[],
  isApplied: boolean,
  isBeforeProven: boolean,
): InCatalog {
  const has = (wanted: Showing) => showings.includes(wanted);
  if (showings.length === 0) return 'no trace';
  if (!isApplied) {
    if (has('out') || has('different')) return 'absent';
    return isBeforeProven ? 'no trace' : 'absent';
  }
  if (has('out') || has('different')) return 'partial';
  return has('in') ? 'proven' : 'superseded';
}

interface Recorded {
  row: Row;
  showings: readonly Showing[];
  inCatalog: InCatalog;
}

function ofRecorded(
  { form, edits }: Case,
  migration: Migration,
  { row, showings, inCatalog }: Recorded,
): Verdict {
  const keepsHash = (form.contentOf?.(row.columns, migration) ?? null) !== null;
  if (!migration.isMissing && keepsHash && !hasContent(row, migration, form))
    return edits.get(migration.name) === 'equivalent' ? 'edited-equivalent' : 'edited-changed';
  // What somebody changed afterwards is drift, and verify's to tell; what is not there is a lie.
  if (!showings.includes('out')) return 'recorded';
  return inCatalog === 'absent' && !showings.includes('overwritten')
    ? 'recorded-but-absent'
    : 'partial';
}
