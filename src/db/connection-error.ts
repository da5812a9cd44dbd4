import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import { engineLossOf, type EngineLost } from './engine-error.ts';
import { sqlstate } from './sqlstate.ts';
import { describeTarget, type Target } from './target.ts';

interface ConnectionExplanation {
  message: string;
  hint: string;
}

/** Messages for the SQLSTATEs with which a connection attempt fails. */
const bySqlState: Record<string, (target: string) => ConnectionExplanation> = {
  [sqlstate.invalidPassword]: (target) => ({
    message: `${target} rejected the password.`,
    hint: 'Check the user and password in the database URL. Special characters must be percent-encoded.',
  }),
  [sqlstate.invalidAuthorizationSpecification]: (target) => ({
    message: `${target} rejected the connection for this user, host or encryption (pg_hba.conf).`,
    hint: 'Add ?sslmode=require to the URL, or allow this host and user on the server.',
  }),
  [sqlstate.invalidCatalogName]: (target) => ({
    message: `The database ${target} does not exist.`,
    hint: 'Create it (createdb NAME), or correct the name at the end of the database URL.',
  }),
  [sqlstate.tooManyConnections]: (target) => ({
    message: `${target} has no free connections.`,
    hint: 'Close idle connections, or wait and run the command again.',
  }),
  [sqlstate.cannotConnectNow]: (target) => ({
    message: `${target} is starting up or shutting down.`,
    hint: 'Wait a moment and run the command again.',
  }),
};

const bySystemCode: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'the host name does not resolve',
  EAI_AGAIN: 'the host name cannot be resolved right now',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'the host is not reachable',
  ENETUNREACH: 'the network is not reachable',
  ECONNRESET: 'the connection was closed',
  ENOENT: 'the socket does not exist',
};

/** Returns the error for a failed connection attempt (exit code 3). */
export function connectionError(target: Target, cause: unknown): DbopsError {
  const name = describeTarget(target);
  const engine = engineLossOf(cause);
  if (engine) return doesNotOpen(name, engine);
  const code = codeOf(cause);
  const text = messageOf(cause);
  const explained = bySqlState[code]?.(name) ?? {
    message: `Cannot connect to ${name}: ${bySystemCode[code] ?? text}.`,
    hint: 'Check the host and port in the database URL, and that the server is running, then: dbops doctor',
  };
  return new DbopsError({
    code: 'DATABASE.UNREACHABLE',
    exitCode: exitCodes.unreachable,
    ...explained,
    reason: [text.includes(code) ? text : `${text} (${code})`],
    cause,
  });
}

/** Returns the error for a server that is not of the role that `target_session_attrs` names. */
export function otherRole(target: Target, role: string): DbopsError {
  return new DbopsError({
    code: 'DATABASE.UNREACHABLE',
    exitCode: exitCodes.unreachable,
    message: `${describeTarget(target)} is not ${role}.`,
    reason: [],
    hint: 'Add a server of that role to the database URL, or correct target_session_attrs.',
  });
}

function doesNotOpen(name: string, engine: EngineLost): DbopsError {
  return new DbopsError({
    code: 'DATABASE.UNREACHABLE',
    exitCode: exitCodes.unreachable,
    message: `Cannot open ${name}.`,
    reason: [engine.message, ...engine.reason.slice(1)],
    hint: 'Fix the cause above (a full disk, missing permissions, files of another version), then run the command again.',
    cause: engine,
  });
}

/** Returns whether the error means that the connection was lost, not that a statement failed. */
export function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code.startsWith('08') || code.startsWith('57P') || (code in bySystemCode && code !== 'ENOENT') // on an open connection ENOENT is about a file
  );
}

/**
 * Returns the SQLSTATE or system error code; for an AggregateError (several addresses) that of the
 * first.
 */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string') return code;
  return error instanceof Error && error.cause ? codeOf(error.cause) : '';
}
