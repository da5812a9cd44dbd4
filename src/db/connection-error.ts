import { DbopsError, exitCodes } from '../errors.ts';
import { engineLossOf, type EngineLost } from './engine-error.ts';
import { describeTarget, type Target } from './target.ts';

interface Explained {
  message: string;
  hint: string;
}

/** SQLSTATEs of class 08, 28, 3D, 42501 and 53 that a connection attempt ends with. */
const bySqlState: Record<string, (target: string) => Explained> = {
  '28P01': (target) => ({
    message: `${target} refused the password.`,
    hint: 'Check the user and the password of the database URL, percent-encoded where they hold special characters.',
  }),
  '28000': (target) => ({
    message: `${target} refused the connection for this user, host or encryption (pg_hba.conf).`,
    hint: 'Add ?sslmode=require to the URL, or allow this host and user on the server.',
  }),
  '3D000': (target) => ({
    message: `The database of ${target} does not exist.`,
    hint: 'Create it (createdb NAME), or correct the name at the end of the database URL.',
  }),
  '53300': (target) => ({
    message: `${target} has no connection to spare.`,
    hint: 'Close idle connections, or wait and run the command again.',
  }),
  '57P03': (target) => ({
    message: `${target} is starting up or shutting down.`,
    hint: 'Wait a moment and run the command again.',
  }),
};

const bySystemCode: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name does not resolve',
  EAI_AGAIN: 'the host name does not resolve right now',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'the host is not reachable',
  ENETUNREACH: 'the network is not reachable',
  ECONNRESET: 'the connection was closed',
  ENOENT: 'there is no such socket',
};

/** Explains why no connection came about (exit code 3). */
export function connectionError(target: Target, cause: unknown): DbopsError {
  const name = describeTarget(target);
  const engine = engineLossOf(cause);
  if (engine) return doesNotOpen(name, engine);
  const code = codeOf(cause);
  const text = cause instanceof Error ? cause.message : String(cause);
  const explained = bySqlState[code]?.(name) ?? {
    message: `${name} can not be reached: ${bySystemCode[code] ?? text}.`,
    hint: 'Check host and port of the database URL and that the server runs; then: dbops doctor',
  };
  return new DbopsError({
    code: 'DATABASE.UNREACHABLE',
    exitCode: exitCodes.unreachable,
    ...explained,
    reason: [text.includes(code) ? text : `${text} (${code})`],
    cause,
  });
}

function doesNotOpen(name: string, engine: EngineLost): DbopsError {
  return new DbopsError({
    code: 'DATABASE.UNREACHABLE',
    exitCode: exitCodes.unreachable,
    message: `Cannot open ${name}.`,
    reason: [engine.message, ...engine.reason.slice(1)],
    hint: 'Correct what the engine reports (a full disk, rights, files of another version), then run the command again.',
    cause: engine,
  });
}

/** True when the error says that the connection itself is gone, not that a statement failed. */
export function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code.startsWith('08') ||
    code.startsWith('57P') ||
    (code in bySystemCode && code !== 'ENOENT') || // later on that is a file
    /Connection terminated|not queryable/.test(String(error))
  );
}

/** The SQLSTATE or system error code; of an AggregateError (several addresses) the first one's. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string') return code;
  return error instanceof Error && error.cause ? codeOf(error.cause) : '';
}
