import { DbopsError, exitCodes } from '../errors.ts';
import type { Part } from '../sql/execution.ts';
import { conditionOf, type Checkpoint } from './checkpoint.ts';
import type { Run } from './step.ts';
import type { SplitFile } from './statement-by-statement.ts';

/** What is said of a file that runs part by part and did not come to its end. */

const countOf = (parts: readonly Part[]) => parts.flatMap(({ statements }) => statements).length;

/** @param begun the next statement may have been done, too */
export function standing({ parts, done, isPartial }: SplitFile, begun = false): string {
  const first = countOf(parts.slice(0, done));
  const all = countOf(parts);
  const what =
    first === 0
      ? 'nothing of it stands before the statement that failed'
      : first === all
        ? `all of its ${all} statements stand, and the next run records it`
        : `its first ${first} of ${all} statements stand, and the next run goes on after them`;
  const open = begun ? ' Whether the one after them was done is found out then.' : '';
  const committed = isPartial
    ? ' What the failed statement committed itself stands too, and the next run begins it anew.'
    : '';
  return `It runs outside a transaction: ${what}.${open}${committed}`;
}

export const askedLater =
  'It runs outside a transaction, and what stands can not be asked right now: the next run finds out.';

export function stoppedBetween({ step, parts, done }: SplitFile): DbopsError {
  return new DbopsError({
    code: 'INTERRUPTED',
    exitCode: exitCodes.interrupted,
    message: `${step.migration.name} was stopped after ${countOf(parts.slice(0, done))} of ${countOf(parts)} statements, which stand.`,
    hint: `Go on with: dbops migrate ${step.direction}`,
  });
}

/** @throws when the checkpoint is of another text, or of tables that are no longer there */
export function refuseOther(
  { step, parts, hash }: SplitFile,
  { done, hash: begunAs, gone }: Checkpoint,
  run: Run,
): void {
  const { name } = step.migration;
  const where = conditionOf(run.folder.tracking.table, name);
  const first = countOf(parts.slice(0, done));
  if (begunAs !== hash)
    throw desynchronised({
      code: 'MIGRATION.EDITED_HALFWAY',
      message: `${name} was edited after ${done} of its statements had been run.`,
      reason: [step.script.file],
      hint: `Bring the file back as it was when it began, and finish it; or, if its statements were undone by hand: DELETE FROM dbops.checkpoints WHERE ${where}`,
    });
  if (gone.length > 0)
    throw desynchronised({
      code: 'MIGRATION.GONE_HALFWAY',
      message: `${name} was cut off after ${first} of its ${countOf(parts)} statements, but of the tables that those worked on ${gone.join(', ')} ${gone.length === 1 ? 'is' : 'are'} gone, or made anew.`,
      reason: [step.script.file],
      hint: `If what the statements did is gone, begin the file anew: DELETE FROM dbops.checkpoints WHERE ${where}\n    If all of it is there again, go on: UPDATE dbops.checkpoints SET tables = '{}' WHERE ${where}`,
    });
}

/** @throws for a statement that commits by itself, which nobody saw end */
export function refuseUnknownEnd({ step, parts, done }: SplitFile, run: Run): never {
  const { name } = step.migration;
  const where = conditionOf(run.folder.tracking.table, name);
  throw desynchronised({
    code: 'MIGRATION.UNKNOWN_END',
    message: `${name} was cut off in a statement that commits by itself (line ${parts[done]?.statements[0].line}): how far it came nothing shows.`,
    reason: [step.script.file],
    hint: `See what it did. To run it again: UPDATE dbops.checkpoints SET begun = false WHERE ${where}\n    To go on after it: UPDATE dbops.checkpoints SET begun = false, done = done + 1 WHERE ${where}`,
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
