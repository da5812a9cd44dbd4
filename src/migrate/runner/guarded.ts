import { ScriptError, type Session } from '../../db/session.ts';
import { withLockRetries } from '../../db/lock.ts';
import {
  beginOf,
  limitsOf,
  resetRole,
  resetSettings,
  retriesOf,
  trackingSql,
  type Run,
  type Step,
} from '../step.ts';

/** The transaction of a step whose script is guarded: what it destroys is copied in it. */
export async function sendGuarded(
  step: Step,
  run: Run,
  durable: boolean,
  script: () => Promise<void>,
): Promise<void> {
  const { session } = run;
  await session.script(beginOf(step, run, durable).join('; '));
  const asOurselves = async () => {
    await script();
    await session.script(resetRole);
  };
  if (step.guard) await step.guard.around(session, asOurselves);
  else await asOurselves();
  await session.script(`${trackingSql(run, step)}; COMMIT; ${resetSettings}`);
}

/** For a script that runs outside a transaction: what it destroys is copied in one of its own. */
export async function beforeAlone(step: Step, run: Run): Promise<void> {
  const { guard } = step;
  if (!guard) return;
  await aside(step, run, (session) => guard.before(session));
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
