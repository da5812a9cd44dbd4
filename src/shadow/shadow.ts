import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionLoss } from '../db/connection-error.ts';
import { engineLossOf } from '../db/engine-error.ts';
import type { EmbeddedExtensions } from '../db/pglite-extensions.ts';
import { openSession, type Session } from '../db/session.ts';
import { quoteIdentifier } from '../db/quote.ts';
import { describeTarget, type Target } from '../db/target.ts';
import { DbopsError, exitCodes, interrupted, usageError } from '../errors.ts';
import type { ShadowNames } from './target-names.ts';
import { createRoles, createSharedRoles, dropSharedRoles } from './shadow-roles.ts';
import { LostInReplay } from './replay-error.ts';

export interface ShadowOptions {
  /** The server for scratch databases; absent: the embedded engine. */
  server?: Target | undefined;
  /** Extensions of the embedded engine; a server has those that are installed there. */
  extensions?: EmbeddedExtensions;
  /** What the replayed migrations find under its name in the database that they were written for. */
  names?: ShadowNames;
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
  options: ShadowOptions,
  stop: AbortSignal,
  work: (shadow: Session) => Promise<T>,
): Promise<T> {
  const { session, remove } = await openShadow(options).catch((error: unknown) => {
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

function openShadow({ server, extensions, names = noNames }: ShadowOptions): Promise<Shadow> {
  return server?.kind === 'postgres'
    ? openOnServer(server, names)
    : openEmbedded(extensions, names);
}

const noNames: ShadowNames = { isDatabaseNamed: false, roles: [] };
const sessionOptions = { application: 'dbops shadow' };

async function openEmbedded(
  extensions: EmbeddedExtensions | undefined,
  names: ShadowNames,
): Promise<Shadow> {
  const target: Target = { kind: 'pglite', directory: null, ...(extensions && { extensions }) };
  const session = await openSession(target, sessionOptions);
  await takeNames(session, names);
  return { session, remove: () => close(session) };
}

/** ALTER DATABASE cannot rename the database of its own session, and the engine has only one. */
async function takeNames(session: Session, { database, roles }: ShadowNames): Promise<void> {
  if (database !== undefined)
    await session.query('UPDATE pg_database SET datname = $1 WHERE datname = current_database()', [
      database,
    ]);
  await createRoles(session, roles);
}

async function openOnServer(
  server: Target & { kind: 'postgres' },
  names: ShadowNames,
): Promise<Shadow> {
  const admin = await openSession(server, sessionOptions);
  let database: string | undefined;
  const drop = async () => {
    if (database !== undefined)
      await admin.alone(`DROP DATABASE IF EXISTS ${quoteIdentifier(database)} WITH (FORCE)`);
    await dropSharedRoles(admin);
    await admin.close();
  };
  try {
    database = await createShadow(admin, names);
    await createSharedRoles(admin, names.roles);
    const scratch = { ...server, database, config: { ...server.config, database } };
    const session = await openSession(scratch, sessionOptions);
    return { session, remove: () => close(session).then(drop) };
  } catch (error) {
    await drop().catch(() => admin.close());
    throw error;
  }
}

/**
 * Creates a database with the name that the migrations expect, or with a name of its own.
 *
 * @throws usage error when a migration would reach another database of that name
 */
async function createShadow(admin: Session, { database, isDatabaseNamed }: ShadowNames) {
  const create = async (name: string) => {
    await admin.alone(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`);
    return name;
  };
  if (isDatabaseNamed && database !== undefined) {
    const [taken] = await admin.query('SELECT FROM pg_database WHERE datname = $1', [database]);
    if (taken) throw nameIsTaken(database, admin.target);
    return create(database);
  }
  return create(`dbops_shadow_${randomUUID().replaceAll('-', '')}`);
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

function nameIsTaken(database: string, server: Target): DbopsError {
  return usageError(
    'SHADOW.NAME_TAKEN',
    `The migrations refer to the database ${database} by name, and ${describeTarget(server)} is on a server that already has a database ${database}.`,
    `Leave out --shadow-url, or pass a server that has no database ${database}.`,
  );
}
