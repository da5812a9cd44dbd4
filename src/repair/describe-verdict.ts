import { countsOf, type Evidence } from './evidence.ts';
import type { Action } from './action.ts';
import type { Plan } from './plan.ts';
import type { Judgement } from './verdict.ts';

/** The changes of a plan by the name of the judgement that they follow from. */
export function actionsByName({ actions }: Plan): Map<string, Action[]> {
  return Map.groupBy(actions, ({ name }) => name);
}

const words: Record<Action['kind'], string> = {
  insert: 'insert row',
  update: 'update row',
  remove: 'remove row',
  replace: 'remove row',
  arrange: '',
};

/** What is done about a judgement; nothing when nothing is. */
export function describeAction(
  byName: ReadonlyMap<string, Action[]>,
  judgement: Judgement | undefined,
): string | null {
  if (!judgement) return null;
  const { name, orphan, row, failed } = judgement;
  const actions = (byName.get(name) ?? []).filter((action) => {
    if (action.kind === 'arrange') return false;
    if (action.kind === 'insert') return !orphan;
    return action.row === row || failed.includes(action.row);
  });
  return actions.length > 0 ? actions.map(({ kind }) => words[kind]).join(', ') : null;
}

/** Returns `3 of 4 in the catalog`, with counts of the others. */
export function describeEvidence({ evidence, orphan, verdict }: Judgement): string {
  if (orphan) {
    if (verdict === 'duplicate-row') return 'already recorded';
    return orphan.migration
      ? `${orphan.migration.name}, by its ${orphan.by}`
      : 'no file has its name or content';
  }
  if (evidence.length === 0) return 'no trace in the catalog';
  const counts = countsOf(evidence);
  const parts = [
    `${counts.in} of ${evidence.length} in the catalog`,
    counts.overwritten > 0 && `${counts.overwritten} changed again later`,
    counts.different > 0 && `${counts.different} differ`,
    counts.out > 0 && counts.in > 0 && `${counts.out} missing`,
    counts.unclear > 0 && `${counts.unclear} possibly changed by another migration`,
  ];
  return parts.filter(Boolean).join(', ');
}

const showings: Record<Evidence['showing'], string> = {
  in: 'in the catalog',
  overwritten: 'changed again by a later one',
  out: 'not in the catalog',
  different: 'differs in the catalog',
  unclear: 'possibly changed by a migration with conditional or unknown effects',
};

/** `adds column color on public.workshops: in the catalog`. */
export function lineOf({ change, object, showing }: Evidence): string {
  return `${change} ${object}: ${showings[showing]}`;
}
