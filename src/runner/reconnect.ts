import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionLoss } from '../db/connection-error.ts';
import { engineLossOf } from '../db/engine-error.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { AfterLoss, RunSettings } from './step.ts';

/**
 * Returns a function that connects again after a crash. A crashed server refuses connections until
 * it has recovered; the patience of the run applies once to all calls together.
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

/** An embedded engine that fails to open does not recover later. */
function isAway(error: unknown): boolean {
  if (engineLossOf(error)) return false;
  if (error instanceof DbopsError) return error.exitCode === exitCodes.unreachable;
  return isConnectionLoss(error);
}
