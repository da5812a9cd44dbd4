import { setTimeout as sleep } from 'node:timers/promises';
import { openSession, type Session } from '../db/session.ts';
import { quoteIdentifier } from '../db/quote.ts';
import type { Target } from '../db/target.ts';
import { DbopsError, exitCodes } from '../errors.ts';

export interface ShadowOptions {
  /** A server for scratch databases; absent: the embedded Postgres. */
  server?: Target | undefined;
  signal: AbortSignal;
  /** Milliseconds; statement_timeout does not fire inside PGlite, so the thread is ended instead. */
  timeLimit?: number;
}

/**
 * Gives `work` an empty database that is gone afterwards.
 *
 * @throws DbopsError when the time limit or an interruption ends it
 */
export async function withShadow<T>(
  { server, signal, timeLimit = 120_000 }: ShadowOptions,
  work: (shadow: Session) => Promise<T>,
): Promise<T> {
  const { shadow, remove } = await openShadow(server);
  const stop = AbortSignal.any([signal, AbortSignal.timeout(timeLimit)]);
  const abandon = () => shadow.abandon();
  stop.addEventListener('abort', abandon, { once: true });
  try {
    return await work(shadow);
  } catch (error) {
    if (stop.aborted && !signal.aborted) throw tookTooLong(timeLimit, error);
    throw error;
  } finally {
    stop.removeEventListener('abort', abandon);
    await remove();
  }
}

async function openShadow(
  server: Target | undefined,
): Promise<{ shadow: Session; remove: () => Promise<void> }> {
  const application = 'dbops shadow';
  if (!server || server.kind === 'pglite') {
    const shadow = await openSession({ kind: 'pglite', directory: null }, { application });
    return { shadow, remove: () => close(shadow) };
  }
  const name = `dbops_shadow_${process.pid}_${Math.random().toString(36).slice(2, 10)}`;
  const admin = await openSession(server, { application });
  await admin.script(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`);
  const shadow = await openSession(
    { ...server, database: name, config: { ...server.config, database: name } },
    { application },
  );
  return {
    shadow,
    async remove() {
      await close(shadow);
      await admin.script(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
      await admin.close();
    },
  };
}

/** An abandoned session never answers its goodbye. */
async function close(session: Session): Promise<void> {
  await Promise.race([session.close().catch(() => {}), sleep(2_000, undefined, { ref: false })]);
}

function tookTooLong(timeLimit: number, cause: unknown): DbopsError {
  return new DbopsError({
    code: 'SHADOW.TIMEOUT',
    exitCode: exitCodes.failed,
    message: `The shadow replay did not end within ${timeLimit / 1_000} s.`,
    hint: 'Look for a statement that waits or loops in the migrations, or replay on a server: --shadow-url postgres://…',
    cause,
  });
}
