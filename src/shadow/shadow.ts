import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionLoss } from '../db/connection-error.ts';
import { engineLossOf } from '../db/engine-error.ts';
import type { EmbeddedExtensions } from '../db/pglite-extensions.ts';
import { openSession, type Session } from '../db/session.ts';
import { quoteIdentifier } from '../db/quote.ts';
import { describeTarget, type Target } from '../db/target.ts';
import { DbopsError, exitCodes, interrupted } from '../errors.ts';
import { LostInReplay } from './replay-error.ts';

export interface ShadowOptions {
  /** The server for scratch databases; absent: the embedded engine. */
  server?: Target | undefined;
  /** Extensions of the embedded engine; a server has those that are installed there. */
  extensions?: EmbeddedExtensions;
  signal: AbortSignal;
  /** Milliseconds; statement_timeout does not fire inside PGlite, so its process is ended instead. */
  timeLimit?: number;
}

interface Shadow {
  session: Session;
  remove(): Promise<void>;
}

/**
 * Runs `work` with an empty database that is dropped afterwards. When the database is lost while
 * `work` runs, `work` runs once more from its beginning with another one.
 * @throws DbopsError when the time limit or an interruption ends it, or the second database is lost
 *   too
 */
export async function withShadow<T>(
  options: ShadowOptions,
  work: (shadow: Session) => Promise<T>,
): Promise<T> {
  const { signal, timeLimit = 120_000 } = options;
  const late = AbortSignal.timeout(timeLimit);
  const stop = AbortSignal.any([signal, late]);
  const attempt = () => inOneShadow(options, stop, work);
  try {
    return await attempt().catch((error: unknown) => {
      if (stop.aborted || !(error instanceof ShadowLost)) throw error;
      return attempt();
    });
  } catch (error) {
    if (signal.aborted)
      throw interrupted(
        'Interrupted while the migrations were replayed in a shadow; nothing was changed.',
        'Run the command again when you are ready.',
      );
    if (late.aborted) throw tookTooLong(timeLimit, error);
    throw error instanceof ShadowLost ? lostTwice(options.server, error.cause) : error;
  }
}

async function inOneShadow<T>(
  { server, extensions }: ShadowOptions,
  stop: AbortSignal,
  work: (shadow: Session) => Promise<T>,
): Promise<T> {
  const { session, remove } = await openShadow(server, extensions).catch((error: unknown) => {
    throw engineLossOf(error) ? new ShadowLost(error) : error;
  });
  const abandon = () => session.abandon();
  stop.addEventListener('abort', abandon, { once: true });
  try {
    if (stop.aborted) abandon();
    return await work(session);
  } catch (error) {
    throw (await isLost(session, error)) ? new ShadowLost(error) : error;
  } finally {
    stop.removeEventListener('abort', abandon);
    await remove();
  }
}

/** The shadow was lost; `cause` is how it was noticed. */
class ShadowLost extends Error {
  constructor(cause: unknown) {
    super('The shadow database was lost', { cause });
  }
}

/** The lost connection may be that of the live database, which `work` reads too. */
async function isLost(shadow: Session, error: unknown): Promise<boolean> {
  if (!isConnectionLoss(error)) return false;
  return shadow.query('SELECT 1').then(() => false, isConnectionLoss);
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

/** An abandoned session does not answer a goodbye. */
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

function lostTwice(server: Target | undefined, cause: unknown): DbopsError {
  const engine = engineLossOf(cause);
  const place = cause instanceof LostInReplay ? ` while it replayed ${cause.migration}` : '';
  const name = server
    ? `The shadow database on ${describeTarget(server)}`
    : 'The embedded PostgreSQL engine of the shadow database';
  return new DbopsError({
    code: 'SHADOW.LOST',
    exitCode: server ? exitCodes.unreachable : exitCodes.failed,
    message: server
      ? `${name} was lost twice${place}; nothing was changed.`
      : `${name} stopped twice${place}; nothing was changed.`,
    reason: engine
      ? [engine.message, ...engine.reason.slice(1)]
      : [cause instanceof Error ? cause.message : String(cause)],
    hint: server
      ? 'Check that the server runs (dbops doctor), then run the command again.'
      : 'Run the command again, or replay on a server: --shadow-url postgres://…',
    cause,
  });
}
