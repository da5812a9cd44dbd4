import { objectName } from '../catalog/snapshot.ts';
import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { withSavepoint } from '../db/session.ts';
import { isSqlState, sqlstate } from '../db/sqlstate.ts';
import { messageOf } from '../errors.ts';
import { formatDuration } from '../output/duration.ts';
import type { FoundFinding } from '../findings/locate.ts';
import { checkLockTimeout, checkTimeout as timeout } from './read-rows.ts';
import { NotChecked, type Check, type CheckInput, type Problem } from './definition.ts';

/**
 * Runs checks of the catalogue, each behind a savepoint of the READ ONLY transaction of the caller. That one
 * cannot be answered is a finding, too.
 *
 * @param isOfTeam whether an object is one of the application, and not of a platform or a migration tool
 * @throws what concerns every check, such as a lost connection
 */
export async function runCatalogue(
  checks: readonly Check[],
  input: CheckInput,
  isOfTeam: (problem: Problem) => boolean = () => true,
): Promise<FoundFinding[]> {
  const { session, isReplay } = input;
  const [before] = await session.query(
    `SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock`,
  );
  const findings: FoundFinding[] = [];
  for (const check of checks) {
    if (isReplay && !check.isStatic) continue;
    findings.push(...(await findingsOf(check, input, isOfTeam)));
  }
  await session.query(
    `SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true)`,
    [before?.['statement'], before?.['lock']],
  );
  return findings;
}

async function findingsOf(
  check: Check,
  input: CheckInput,
  isOfTeam: (problem: Problem) => boolean,
): Promise<FoundFinding[]> {
  const { session } = input;
  try {
    const problems = await withSavepoint(session, async () => {
      await session.script(
        `SET LOCAL statement_timeout = ${timeout}; SET LOCAL lock_timeout = ${checkLockTimeout}`,
      );
      return check.find(input);
    });
    return problems.filter(isOfTeam).map((problem) => findingOf(check, problem));
  } catch (error) {
    return [notChecked(check, whyNot(check, error))];
  }
}

interface Reason {
  severity: 'warning' | 'info';
  reason: string;
  help: string;
}

/** @throws the error, where it is not about the check */
function whyNot({ name }: Check, error: unknown): Reason {
  if (error instanceof NotChecked)
    return { severity: 'info', reason: error.message, help: error.help };
  const code = codeOf(error);
  if (!isSqlState(code) || isConnectionLoss(error)) throw error;
  const reason = `SQLSTATE ${code}: ${messageOf(error)}`;
  if (code === sqlstate.queryCanceled)
    return {
      severity: 'warning',
      reason: `it was cancelled after ${formatDuration(timeout)}`,
      help: `Run it alone, when the server has less to do: dbops verify --only ${name}`,
    };
  if (code === sqlstate.lockNotAvailable)
    return {
      severity: 'warning',
      reason: 'another session has locked a table',
      help: `Repeat it when that session has ended: dbops verify --only ${name}`,
    };
  if (code === sqlstate.insufficientPrivilege)
    return { severity: 'info', reason, help: 'Connect as a role that may read this.' };
  return {
    severity: 'warning',
    reason,
    help: `Leave it out until it is corrected: dbops verify --skip ${name}`,
  };
}

function findingOf({ name, severity }: Check, problem: Problem): FoundFinding {
  const { object, part, message, help, fix, isNotChecked } = problem;
  const where = objectName(object);
  if (isNotChecked)
    return {
      code: 'not-checked',
      severity: problem.severity ?? 'info',
      message,
      help,
      where: { object: where },
      key: `not-checked:${name}/${part ?? where}`,
    };
  return {
    code: name,
    severity: problem.severity ?? severity,
    message,
    help: fix === undefined ? help : `${help}: ${fix}`,
    where: { object: where },
    key: [`${name}:${where}`, ...(part === undefined ? [] : [part])].join('/'),
    ...(fix !== undefined && { fix }),
    identity: object,
  };
}

function notChecked({ name, summary }: Check, { severity, reason, help }: Reason): FoundFinding {
  return {
    code: 'not-checked',
    severity,
    message: `${name} was not checked: ${reason}. It asserts: ${summary}`,
    help,
    where: { object: name },
    key: `not-checked:${name}`,
  };
}
