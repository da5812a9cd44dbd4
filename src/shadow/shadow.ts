import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedExtensions } from '../db/pglite-extensions.ts';
import { openSession, type Session } from '../db/session.ts';
import { quoteIdentifier } from '../db/quote.ts';
import type { Target } from '../db/target.ts';
import { DbopsError, exitCodes, interrupted } from '../errors.ts';

export interface ShadowOptions {
  /** A server for scratch databases; absent: the embedded Postgres. */
  server?: Target | undefined;
  /** Of the embedded Postgres: a server has those that are installed there. */
  extensions?: EmbeddedExtensions;
  signal: AbortSignal;
  /** Milliseconds; statement_timeout does not fire inside PGlite, so the thread is ended instead. */
  timeLimit?: number;
}

interface Shadow {
  session: Session;
  remove(): Promise<void>;
}

/**
 * Gives `work` an empty database that is gone afterwards.
 *
 * @throws DbopsError when the time limit or an interruption ends it
 */
export async function withShadow<T>(
  { server, extensions, signal, timeLimit = 120_000 }: ShadowOptions,
  work: (shadow: Session) => Promise<T>,
): Promise<T> {
  const late = AbortSignal.timeout(timeLimit);
  const stop = AbortSignal.any([signal, late]);
  const { session, remove } = await openShadow(server, extensions);
  const abandon = () => session.abandon();
  stop.addEventListener('abort', abandon, { once: true });
  try {
    if (stop.aborted) abandon();
    return await work(session);
  } catch (error) {
    if (signal.aborted)
      throw interrupted(
        'Interrupted while the migrations were replayed in a shadow; nothing was changed.',
        'Run the command again when you are ready.',
      );
    throw late.aborted ? tookTooLong(timeLimit, error) : error;
  } finally {
    stop.removeEventListener('abort', abandon);
    await remove();
  }
}

function openShadow(
  server: Target | undefined,
  extensions: EmbeddedExtensions | undefined,
): Promise<Shadow> {
  return server?.kind === 'postgres' ? openOnServer(server) : openEmbedded(extensions);
}

const options = { application: 'dbops shadow' };

async function openEmbedded(extensions: EmbeddedExtensions | undefined): Promise<Shadow> {
  const target: Target = { kind: 'pglite', directory: null, ...(extensions && { extensions }) };
  const session = await openSession(target, options);
  return { session, remove: () => close(session) };
}

async function openOnServer(server: Target & { kind: 'postgres' }): Promise<Shadow> {
  const database = `dbops_shadow_${randomUUID().replaceAll('-', '')}`;
  const admin = await openSession(server, options);
  const drop = async () => {
    await admin.alone(`DROP DATABASE IF EXISTS ${quoteIdentifier(database)} WITH (FORCE)`);
    await admin.close();
  };
  try {
    await admin.alone(`CREATE DATABASE ${quoteIdentifier(database)} TEMPLATE template0`);
    const scratch = { ...server, database, config: { ...server.config, database } };
    const session = await openSession(scratch, options);
    return { session, remove: () => close(session).then(drop) };
  } catch (error) {
    await drop().catch(() => admin.close());
    throw error;
  }
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
