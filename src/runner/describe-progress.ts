import { DbopsError, exitCodes } from '../errors.ts';
import type { Part } from '../sql/execution.ts';
import { conditionOf } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint-row.ts';
import type { RunningStep } from './step.ts';

/** A file that runs statement by statement, and its progress. */
export interface SplitFile {
  step: RunningStep;
  source: string;
  hash: string;
  parts: readonly Part[];
  /** Number of committed parts. */
  done: number;
  /** The next part commits inside, so some of its effects can remain after a failure. */
  isPartial: boolean;
}

const countOf = (parts: readonly Part[]) => parts.flatMap(({ statements }) => statements).length;

/** @param begun whether the next statement was started, and may have completed */
export function standing({ parts, done, isPartial }: SplitFile, begun = false): string {
  const first = countOf(parts.slice(0, done));
  const all = countOf(parts);
  const what =
    first === 0
      ? 'none of its statements is applied'
      : first === all
        ? `all of its ${all} statements are applied, and the next run records it`
        : `its first ${first} of ${all} statements are applied, and the next run continues after them`;
  const open = begun ? ' The next run finds out whether the statement after them was applied.' : '';
  const committed = isPartial
    ? ' What the failed statement itself committed remains, and the next run starts that statement again.'
    : '';
  return `It runs outside a transaction: ${what}.${open}${committed}`;
}

export const askedLater =
  'It runs outside a transaction, and which of its statements are applied cannot be determined right now: the next run finds out.';

export function stoppedBetween({ step, parts, done }: SplitFile): DbopsError {
  return new DbopsError({
    code: 'INTERRUPTED',
    exitCode: exitCodes.interrupted,
    message: `${step.migration.name} was stopped after ${countOf(parts.slice(0, done))} of ${countOf(parts)} statements; these remain applied.`,
    hint: `To continue: dbops migrate ${step.direction}`,
  });
}

/** @throws when the checkpoint belongs to another text, or to tables that were dropped */
export function assertSameFile(
  { step, parts, hash }: SplitFile,
  { done, hash: begunAs, gone }: Checkpoint,
): void {
  const { name } = step.migration;
  const where = conditionOf(step.run.folder.tracking.table, name);
  const first = countOf(parts.slice(0, done));
  if (begunAs !== hash)
    throw desynchronised({
      code: 'MIGRATION.EDITED_HALFWAY',
      message: `${name} was edited after ${done} of its statements had been run.`,
      reason: [step.script.file],
      hint: `Restore the file as it was when it started, and run it to its end. If you have undone its statements by hand: DELETE FROM dbops.checkpoints WHERE ${where}`,
    });
  if (gone.length > 0)
    throw desynchronised({
      code: 'MIGRATION.GONE_HALFWAY',
      message: `${name} was interrupted after ${first} of its ${countOf(parts)} statements. Since then, ${gone.join(', ')} ${gone.length === 1 ? 'was' : 'were'} dropped or created again.`,
      reason: [step.script.file],
      hint: `If the effects of those statements no longer exist, start the file again: DELETE FROM dbops.checkpoints WHERE ${where}\n    If all of their effects exist, continue: UPDATE dbops.checkpoints SET tables = '{}' WHERE ${where}`,
    });
}

/** @throws for a statement that commits inside and whose result is unknown */
export function refuseUnknownEnd({ step, parts, done }: SplitFile): never {
  const { name } = step.migration;
  const where = conditionOf(step.run.folder.tracking.table, name);
  throw desynchronised({
    code: 'MIGRATION.UNKNOWN_END',
    message: `${name} was interrupted in a statement that commits inside (line ${parts[done]?.statements[0].line}), so its progress is unknown.`,
    reason: [step.script.file],
    hint: `Find out what it did. To run it again: UPDATE dbops.checkpoints SET begun = false WHERE ${where}\n    To continue after it: UPDATE dbops.checkpoints SET begun = false, done = done + 1 WHERE ${where}`,
  });
}

interface Disagreement {
  code: string;
  message: string;
  reason: string[];
  hint: string;
}

function desynchronised(disagreement: Disagreement): DbopsError {
  return new DbopsError({ ...disagreement, exitCode: exitCodes.desynchronised });
}
