import type { PlannedStatement } from '../plan-document.ts';
import { relationName, type RelationLock } from './observation.ts';
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
  const { locks, heldBefore, scans, builds, renamed, ...rest } = statement;
  return {
    ...rest,
    verdict,
    duration: duration ?? null,
    blocked: blocked.map(({ mode, reads, isHeld, ...table }) => ({
      relation: relationName(table),
      mode,
      reads,
      isHeld,
    })),
    ...(writesQueued !== undefined && { writesQueued }),
    violations,
    hazards,
    locks: locks.map(lockDocument),
    heldBefore: heldBefore.map(lockDocument),
    scans: scans.map(({ relation, reason }) => ({ relation: relationName(relation), reason })),
    builds: builds.map(({ relation, index }) => ({ index, relation: relationName(relation) })),
    rewrites: rest.rewrites.map(relationName),
    truncates: rest.truncates.map(relationName),
    writes: rest.writes.map(relationName),
    created: rest.created.map(relationName),
    dropped: rest.dropped.map(relationName),
    ...(renamed && {
      renamed: renamed.map(({ from, to }) => ({ from: relationName(from), to: relationName(to) })),
    }),
  };
}

function lockDocument({ relation, mode }: RelationLock) {
  return { relation: relationName(relation), kind: relation.kind, mode };
}
