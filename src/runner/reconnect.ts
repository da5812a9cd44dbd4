import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionLoss } from '../db/connection-error.ts';
import { engineLossOf } from '../db/engine-error.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { AfterLoss, RunSettings } from './step.ts';

/**
 * A crashed server refuses connections until it has restarted. dbops waits for it as long as the
 * patience of the run, once per run.
 */
export function patientAfterLoss({
  anotherSession,
  patience,
  signal,
  onAway,
}: RunSettings): AfterLoss {
  let deadline: number | undefined;
  return async (ask) => {
    deadline ??= Date.now() + patience;
    for (;;) {
      try {
        return await ask(await anotherSession());
      } catch (error) {
        if (!isAway(error) || Date.now() >= deadline) throw error;
        onAway();
        await sleep(200, undefined, { signal });
      }
    }
  };
}

/** An embedded engine that does not open has no server behind it that is about to start. */
function isAway(error: unknown): boolean {
  if (engineLossOf(error)) return false;
  if (error instanceof DbopsError) return error.exitCode === exitCodes.unreachable;
  return isConnectionLoss(error);
}
