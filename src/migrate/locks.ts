import type { Context } from '../context.ts';
import type { AdvisoryLocks } from '../db/advisory-locks.ts';
import { withRunnerLock } from '../db/lock.ts';
import type { Session } from '../db/session.ts';
import type { Folder } from '../formats/format.ts';
import { withHostLock } from '../runner/tool-lock.ts';

export interface Guarded {
  context: Context;
  session: Session;
  folder: Folder;
  /** Milliseconds to wait for whoever has one of the locks. */
  patience: number;
}

/**
 * Runs `work` while neither another dbops nor the folder's own tool can run.
 *
 * @throws code 7 naming the holder
 */
export function underLocks<T>(
  { context, session, folder, patience }: Guarded,
  work: (locks: AdvisoryLocks) => Promise<T>,
): Promise<T> {
  const { signal, progress, anotherSession } = context;
  const onWait = (holder: string) => progress.update(`waiting for ${holder}`);
  const waiting = { patience, signal, onWait, anotherSession };
  return withRunnerLock(session, waiting, (locks) =>
    withHostLock({ ...waiting, session, folder, locks }, () => work(locks)),
  );
}
