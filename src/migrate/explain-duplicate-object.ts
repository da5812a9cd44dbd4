import type { Context } from '../context.ts';
import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { duplicates } from '../runner/failure/explain-failure.ts';
import { isCreatedTwice } from '../runner/failure/created-twice.ts';
import { readCheckpoints } from '../runner/checkpoint.ts';
import type { RunOutcome } from '../runner/step.ts';
import { diagnose } from '../repair/diagnose.ts';
import type { Judgement } from '../repair/verdict.ts';
import { describeEvidence } from '../repair/describe-verdict.ts';
import { wantedFor } from '../shadow/replay-request.ts';

export interface ExplainRequest {
  context: Context;
  session: Session;
  folder: Folder;
}

/**
 * Adds to an "already exists" failure whether the migration is applied and only its tracking row is
 * missing. The run then ends with exit code 6: the tracking table is wrong, not the file.
 */
export async function explainDuplicateObject(
  asked: ExplainRequest,
  outcome: RunOutcome,
): Promise<RunOutcome> {
  const { error, results } = outcome;
  const name = results.find(({ state }) => state === 'failed')?.name;
  if (!error || name === undefined || !duplicates.has(codeOf(error.cause))) return outcome;
  if (error.code === isCreatedTwice) return outcome;
  if (await isHalfRun(asked, name)) return outcome;
  const judgement = await judgementOf(asked, name);
  return judgement ? { ...outcome, error: explained(error, judgement) } : outcome;
}

/** For a file that ran statement by statement, its checkpoint shows what dbops itself created. */
async function isHalfRun({ session, folder }: ExplainRequest, name: string): Promise<boolean> {
  const checkpoints = await readCheckpoints(session, folder);
  return checkpoints.some(({ migration }) => migration === name);
}

/** Returns undefined where the replay fails: the failure itself is reported then. */
async function judgementOf({ context, session, folder }: ExplainRequest, name: string) {
  try {
    const wanted = await wantedFor(context, session, folder);
    const { judgements } = await diagnose(session, folder, wanted);
    return judgements.find(({ migration }) => migration?.name === name);
  } catch (error) {
    if (!(error instanceof DbopsError)) throw error;
    return undefined;
  }
}

const nameIsTaken =
  'Something else has the name: rename or remove it, or correct the file, then: dbops migrate up';

const isThere: ReadonlySet<Judgement['inCatalog']> = new Set(['proven', 'superseded', 'partial']);

function explained(error: DbopsError, judgement: Judgement): DbopsError {
  const { inCatalog } = judgement;
  const proof = `Compared with a replay of the folder, it is ${inCatalog}: ${describeEvidence(judgement)}.`;
  const verdict = isThere.has(inCatalog)
    ? { code: 'TRACKING.DESYNCHRONISED', exitCode: exitCodes.desynchronised, hint: error.hint }
    : { code: error.code, exitCode: error.exitCode, hint: nameIsTaken };
  const { message, cause } = error;
  return new DbopsError({ message, cause, reason: [...error.reason, proof], ...verdict });
}
