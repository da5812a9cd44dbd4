import type { CatalogFacts } from '../catalog/deltas.ts';
import type { RowForm } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { Effects } from './effects.ts';
import { evidenceOf, type Evidence } from './evidence.ts';
import type { Nature } from './prior.ts';
import { hasContent, nameOfRow, type Matches, type Orphan, type TrackedRow } from './rows.ts';
import type { Solution } from './solve.ts';
import type { Showing } from './world.ts';

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

/** The verdict on one migration, or on one row that matches none. */
export interface Judgement {
  name: string;
  verdict: Verdict;
  inCatalog: InCatalog;
  evidence: Evidence[];
  /** A later migration was applied. */
  isFollowed: boolean;
  migration?: Migration;
  /** Rows that say that it is applied: at most one. */
  row?: TrackedRow;
  /** Rows that say that it failed. */
  failed: TrackedRow[];
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
  natures: readonly Nature[];
  /** The live catalog. */
  facts: CatalogFacts;
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
    isFollowed: false,
    row: orphan.row,
    failed: [],
    orphan,
  };
}

function judgeMigration(given: Case, migration: Migration, at: number): Judgement {
  const { matches, effects, solution } = given;
  const isFollowed = at < solution.applied.lastIndexOf(true);
  const found = solution.showings[at] ?? [];
  const showings = isFollowed ? ofFollowed(given, found, at) : found;
  const inCatalog = inCatalogOf(showings, solution.applied[at] === true);
  const row = matches.owners.get(migration);
  const failed = matches.failed.get(migration) ?? [];
  const verdict =
    failed.length > 0
      ? 'failed-row'
      : row
        ? ofRecorded(given, migration, { row, at, showings })
        : ofUnrecorded[inCatalog];
  return {
    name: migration.name,
    verdict,
    inCatalog,
    evidence: evidenceOf(effects.deltas[at] ?? [], found),
    isFollowed,
    migration,
    ...(row && { row }),
    failed,
  };
}

function ofFollowed(given: Case, showings: readonly Showing[], at: number): Showing[] {
  if (!given.solution.applied[at]) return withoutBegun(given, showings, at);
  return isFollowedForSure(given, at) ? withoutDrift(given, showings, at) : [...showings];
}

/** Whether a later migration has a row, or something that it made is there: what is missing can also be lost. */
function isFollowedForSure(
  { migrations, matches, effects, solution, facts }: Case,
  at: number,
): boolean {
  return migrations.some(
    (migration, later) =>
      later > at &&
      solution.applied[later] &&
      (matches.owners.has(migration) ||
        (effects.deltas[later] ?? []).some(
          ({ fact, after }) => after !== undefined && facts(fact) === after,
        )),
  );
}

/**
 * One later migration that ran in part, of which the rest is missing, may have removed everything that a
 * migration before an applied one made: as a whole, or with a statement that its next statements undo.
 * Then its absence proves nothing.
 */
function withoutBegun(
  { effects, facts, natures, solution }: Case,
  showings: readonly Showing[],
  at: number,
): Showing[] {
  const missing = (effects.deltas[at] ?? []).filter((_, index) => showings[index] === 'out');
  const isGivenBy = (later: number, fact: string) =>
    effects.timelines.get(fact)?.some((step) => step.at === later && step.value === facts(fact));
  const isExplainedBy = (later: number) =>
    missing.every(
      ({ fact, object }) =>
        isGivenBy(later, fact) ||
        (facts(fact) === undefined && natures[later]?.mayRemove(object) === true),
    );
  const isBegun = effects.deltas.some(
    (_, later) => later > at && !solution.applied[later] && isExplainedBy(later),
  );
  return showings.map((showing) => (isBegun && showing === 'out' ? 'unclear' : showing));
}

/**
 * A property that has a value from no migration was changed by hand, which is drift: no tool continues
 * after a file that it has run in part. What is missing altogether stays in question.
 */
function withoutDrift(
  { effects, facts }: Case,
  showings: readonly Showing[],
  at: number,
): Showing[] {
  const deltas = effects.deltas[at] ?? [];
  return showings.map((showing, index) => {
    const isThere = facts(deltas[index]?.fact ?? '') !== undefined;
    return showing === 'different' && isThere ? 'in' : showing;
  });
}

const ofUnrecorded: Record<InCatalog, Verdict> = {
  proven: 'proven',
  superseded: 'superseded',
  partial: 'partial',
  absent: 'absent',
  'no trace': 'unprovable',
};

/**
 * A migration that was not found to be applied is absent only where a fact contradicts it: where
 * the catalog can also be what later migrations left of it, it proves nothing. Nor is one proven of
 * which something is missing that another migration only may have changed.
 */
function inCatalogOf(showings: readonly Showing[], isApplied: boolean): InCatalog {
  const has = (wanted: Showing) => showings.includes(wanted);
  if (showings.length === 0) return 'no trace';
  if (!isApplied) return has('out') ? 'absent' : 'no trace';
  if (has('out') || has('different')) return 'partial';
  if (has('unclear')) return 'no trace';
  return has('in') ? 'proven' : 'superseded';
}

/**
 * What somebody changed after a recorded migration is drift, which verify reports. Where something
 * is missing, the migration may also have stopped halfway; no tool continues after that, so where a
 * later one was applied, it is drift too.
 */
function ofRecorded(
  { form, edits, solution }: Case,
  migration: Migration,
  { row, at, showings }: { row: TrackedRow; at: number; showings: readonly Showing[] },
): Verdict {
  const keepsHash = (form.contentOf?.(row.columns, migration) ?? null) !== null;
  if (!migration.isMissing && keepsHash && !hasContent(row, migration, form))
    return edits.get(migration.name) === 'equivalent' ? 'edited-equivalent' : 'edited-changed';
  if (!showings.includes('out')) return 'recorded';
  if (!solution.applied[at]) return 'recorded-but-absent';
  return at < solution.applied.lastIndexOf(true) ? 'recorded' : 'partial';
}
