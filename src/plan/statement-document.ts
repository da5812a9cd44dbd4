import type { PlannedStatement } from '../plan-document.ts';
import type { ObservedRelation, RelationLock } from './observation.ts';
import type { StatementVerdict } from './verdict.ts';

/** Returns the JSON of a statement and of the verdict on it. */
export function statementDocument({
  statement,
  verdict,
  duration,
  blocked,
  writesQueued,
  violations,
  hazards,
}: StatementVerdict): PlannedStatement {
  const { locks, heldBefore, scans, builds, ...rest } = statement;
  return {
    ...rest,
    verdict,
    duration: duration ?? null,
    blocked: blocked.map(({ mode, reads, isHeld, ...table }) => ({
      relation: nameOf(table),
      mode,
      reads,
      isHeld,
    })),
    ...(writesQueued !== undefined && { writesQueued }),
    violations,
    hazards,
    locks: locks.map(lockDocument),
    heldBefore: heldBefore.map(lockDocument),
    scans: scans.map(({ relation, reason }) => ({ relation: nameOf(relation), reason })),
    builds: builds.map(({ relation, index }) => ({ index, relation: nameOf(relation) })),
    rewrites: rest.rewrites.map(nameOf),
    truncates: rest.truncates.map(nameOf),
    writes: rest.writes.map(nameOf),
    created: rest.created.map(nameOf),
    dropped: rest.dropped.map(nameOf),
  };
}

function lockDocument({ relation, mode }: RelationLock) {
  return { relation: nameOf(relation), kind: relation.kind, mode };
}

function nameOf({ schema, name }: Pick<ObservedRelation, 'schema' | 'name'>): string {
  return `${schema}.${name}`;
}
