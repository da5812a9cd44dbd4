import { sumOf } from './describe-band.ts';
import type { DurationBand } from './live-facts.ts';
import { blocksReads, blocksWrites, relationName, type LockMode } from './observation.ts';
import type { MigrationVerdict, StatementVerdict } from './verdict.ts';

/** A lock of a migration, from the statement that takes it to the end of the transaction. */
export interface LockTime {
  /** `schema.name`. */
  relation: string;
  mode: LockMode;
  /** Of the statement that takes it, in the file; absent for a statement of a module. */
  line?: number;
  /** Since the migration began; absent where the duration of an earlier statement is not known. */
  begins?: DurationBand;
  /** Absent where the duration of a statement is not known. */
  held?: DurationBand;
  waiting: 'reads and writes' | 'writes' | 'neither';
}

/** Returns the locks of a migration in the order in which they are taken; those of indexes are left out. */
export function lockTimesOf({ statements }: MigrationVerdict): LockTime[] {
  return statements.flatMap(({ statement: { locks, line, transaction } }, at) => {
    const begins = durationOf(statements.slice(0, at));
    const behind = statements.slice(at);
    const held = durationOf(behind.filter((each) => each.statement.transaction === transaction));
    return locks
      .filter(({ relation }) => relation.kind !== 'index')
      .map(({ relation, mode }) => ({
        relation: relationName(relation),
        mode,
        ...(line !== undefined && { line }),
        ...(begins && { begins }),
        ...(held && { held }),
        waiting: waitingFor(mode),
      }));
  });
}

function durationOf(statements: readonly StatementVerdict[]): DurationBand | undefined {
  const known = statements.flatMap(({ duration }) => duration ?? []);
  return known.length === statements.length ? sumOf(known) : undefined;
}

function waitingFor(mode: LockMode): LockTime['waiting'] {
  if (blocksReads(mode)) return 'reads and writes';
  return blocksWrites(mode) ? 'writes' : 'neither';
}
