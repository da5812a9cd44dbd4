import { toOwnPath } from '../../db/search-path.ts';
import { ScriptError, type Session } from '../../db/session.ts';
import { withLockRetries } from '../../db/lock.ts';
import { DbopsError } from '../../errors.ts';
import type { Guard } from '../../rescue/guard.ts';
import { limitsOf, resetRole, retriesOf, userPathOf, type Run, type Step } from '../step.ts';
import type { Content, MakeContent } from './transactional.ts';

/** A transaction whose script is surrounded by a guard: what it destroys is copied in it. */
export function guardedContent(guard: Guard, run: Run, contentOf: MakeContent): MakeContent {
  return (begin, end) => {
    const { session } = run;
    const toStep = userPathOf(run, 'LOCAL');
    const script = contentOf([toStep], `${resetRole}; ${toOwnPath(session)}`);
    let isOfScript = false;
    const send = async () => {
      isOfScript = true;
      await script.send();
      isOfScript = false;
    };
    return {
      async send() {
        isOfScript = false;
        await session.script(begin.join('; '));
        await guard.around(session, send, toStep);
        await session.script(end);
      },
      failureOf: (error) => (isOfScript ? script.failureOf(error) : failureBeside(error)),
    };
  };
}

/** The guard explains what is its own. */
function failureBeside(error: unknown): ReturnType<Content['failureOf']> {
  if (error instanceof DbopsError) return undefined;
  return { cause: error instanceof ScriptError ? error.cause : error };
}

/** For a script that runs outside a transaction: what it destroys is copied in one of its own. */
export async function beforeAlone(step: Step, run: Run): Promise<void> {
  const { guard } = step;
  if (!guard) return;
  await aside(step, run, (session) => guard.before(session, userPathOf(run, 'LOCAL')));
  run.onNote(
    step,
    'runs outside a transaction: what is written after the copy, until it is destroyed, is not in the copy',
  );
}

export async function afterAlone(step: Step, run: Run): Promise<void> {
  const { guard } = step;
  if (guard) await aside(step, run, (session) => guard.after(session));
}

async function aside(
  step: Step,
  run: Run,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const { session } = run;
  await withLockRetries(session, retriesOf(step, run), async () => {
    try {
      await session.script(['BEGIN', ...limitsOf(step, run, 'LOCAL')].join('; '));
      await work(session);
      await session.script('COMMIT');
    } catch (error) {
      await session.script('ROLLBACK').catch(() => {});
      throw error instanceof ScriptError ? error.cause : error;
    }
  });
}
