import { DbopsError, exitCodes } from '../errors.ts';
import type { Plan } from './plan.ts';
import type { Judgement, Verdict } from './verdict.ts';

/**
 * Compares the verdicts on a tracking table as a plan has written it with those that the plan rests
 * on: a migration that was proven, or that a row was found for, must be `recorded`, one whose row
 * was removed must be `absent`, and one that was `recorded` must still be.
 *
 * @throws code 6, upon which everything is rolled back
 */
export function confirmVerdicts(
  { actions }: Plan,
  before: readonly Judgement[],
  after: readonly Judgement[],
): void {
  const written = new Set(
    actions.flatMap((each) =>
      each.kind === 'insert' || each.kind === 'update' ? [each.migration] : [],
    ),
  );
  const removed = new Set(actions.flatMap((each) => (each.kind === 'remove' ? [each.row] : [])));
  const later = new Map(after.map((each) => [each.migration, each.verdict]));
  const wrong = before.flatMap((judgement) => {
    const { migration, orphan, row, name } = judgement;
    if (!migration || orphan) return [];
    const isRemoved = row !== undefined && removed.has(row);
    const wanted = wantedVerdict(judgement, { isWritten: written.has(migration), isRemoved });
    const verdict = later.get(migration);
    return wanted === undefined || verdict === wanted
      ? []
      : [`${name} would be ${verdict ?? 'unknown'}, not ${wanted}`];
  });
  if (wrong.length === 0) return;
  throw new DbopsError({
    code: 'REPAIR.NOT_CONFIRMED',
    exitCode: exitCodes.desynchronised,
    message: 'The new tracking rows would contradict the catalog; nothing was written.',
    reason: wrong.slice(0, 10),
    hint: 'Show the evidence for each migration: dbops repair-tracking --verbose',
  });
}

/** Nothing where somebody vouches for what the catalog cannot show. */
function wantedVerdict(
  { verdict, inCatalog }: Judgement,
  { isWritten, isRemoved }: { isWritten: boolean; isRemoved: boolean },
): Verdict | undefined {
  if (isRemoved) return verdict === 'recorded-but-absent' ? 'absent' : undefined;
  if (verdict === 'recorded') return 'recorded';
  const isShown = inCatalog === 'proven' || inCatalog === 'superseded';
  return isWritten && isShown ? 'recorded' : undefined;
}
