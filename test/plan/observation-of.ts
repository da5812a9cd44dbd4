import type { StatementObservation } from '../../src/plan/observation.ts';

/** Returns an observation of a statement that did nothing else. */
export function observationOf(did: Partial<StatementObservation>): StatementObservation {
  return {
    sql: '',
    transaction: 0,
    locks: [],
    heldBefore: [],
    rewrites: [],
    truncates: [],
    scans: [],
    builds: [],
    writes: [],
    created: [],
    dropped: [],
    cascades: [],
    waitsForTransactions: false,
    ...did,
  };
}
