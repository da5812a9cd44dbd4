import type { Delta } from '../catalog/deltas.ts';
import { objectName } from '../catalog/snapshot.ts';
import type { Showing } from './world.ts';

/** A change that a migration makes to one object, and how it shows in the live catalog. */
export interface Evidence {
  change: 'adds' | 'removes' | 'changes';
  /** `column color on public.workshops`, and what of it where it is changed. */
  object: string;
  showing: Showing;
}

/** The changes of a migration, object by object. */
export function evidenceOf(deltas: readonly Delta[], showings: readonly Showing[]): Evidence[] {
  const shown = deltas.map((delta, at) => ({ delta, showing: showings[at] ?? 'out' }));
  const byObject = Map.groupBy(
    shown,
    ({ delta }) => `${delta.object.kind} ${objectName(delta.object)}`,
  );
  return [...byObject].map(([object, facts]): Evidence => {
    const whole = facts.find(({ delta }) => delta.word === '');
    const showing = together(facts.map((fact) => fact.showing));
    if (!whole) {
      const words = facts.map(({ delta }) => delta.word).join(', ');
      return { change: 'changes', object: `${object} (${words})`, showing };
    }
    const isThere = whole.showing === 'in' || whole.showing === 'overwritten';
    return {
      change: whole.delta.after === undefined ? 'removes' : 'adds',
      object,
      showing: isThere ? showing : whole.showing,
    };
  });
}

function together(showings: readonly Showing[]): Showing {
  const kinds = new Set(showings);
  if (kinds.has('different') || (kinds.has('out') && kinds.size > 1)) return 'different';
  if (kinds.has('out')) return 'out';
  if (kinds.has('unclear')) return 'unclear';
  return kinds.has('in') ? 'in' : 'overwritten';
}

/** How many of each. */
export function countsOf(evidence: readonly Evidence[]): Record<Showing, number> {
  const count = (wanted: Showing) => evidence.filter(({ showing }) => showing === wanted).length;
  return {
    in: count('in'),
    overwritten: count('overwritten'),
    out: count('out'),
    different: count('different'),
    unclear: count('unclear'),
  };
}
