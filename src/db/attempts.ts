import { DbopsError, exitCodes } from '../errors.ts';
import { codeOf } from './connection-error.ts';
import type { ServerRole } from './server-choice.ts';
import { isSqlState, sqlstate } from './sqlstate.ts';
import { describeTarget, type Target } from './target.ts';

/**
 * Connects to the first server that can be reached and has the role that is asked for. As with libpq,
 * the next server is tried only where this one does not answer: a wrong password is an error.
 *
 * @param connect connects to a target with one server
 * @throws DbopsError that lists what each server answered
 */
export async function firstOf<T>(
  target: Target,
  connect: (target: Target, role: ServerRole) => Promise<T>,
): Promise<T> {
  const errors: DbopsError[] = [];
  for (const role of rolesOf(target))
    for (const one of attemptsOf(target)) {
      try {
        return await connect(one, role);
      } catch (error) {
        if (!(error instanceof DbopsError) || !mayTryNext(error)) throw error;
        errors.push(error);
      }
    }
  throw noneOf(target, errors);
}

function rolesOf(target: Target): ServerRole[] {
  const role = target.kind === 'postgres' ? (target.role ?? 'any') : 'any';
  return role === 'prefer-standby' ? [role, 'any'] : [role];
}

/**
 * Returns whether another server may accept the connection: this one is not running, is a standby where
 * a primary is required (or the reverse), or refuses this encryption (pg_hba.conf: 28000).
 */
function mayTryNext({ cause }: DbopsError): boolean {
  const code = codeOf(cause);
  return !isSqlState(code) || refusals.has(code);
}

const refusals = new Set<string>([
  sqlstate.cannotConnectNow,
  sqlstate.tooManyConnections,
  sqlstate.invalidAuthorizationSpecification,
]);

/** Returns the only error, or one error that lists what each server answered. */
function noneOf(target: Target, errors: DbopsError[]): DbopsError {
  const [first] = errors;
  if (first && errors.length === 1) return first;
  const messages = new Set(errors.flatMap(({ message }) => message));
  return new DbopsError({
    code: 'DATABASE.UNREACHABLE',
    exitCode: exitCodes.unreachable,
    message: `Cannot connect to ${describeTarget(target)}.`,
    reason: [...messages],
    hint: first?.hint ?? '',
    cause: first?.cause,
  });
}

/** A target with one server and one `ssl` setting. */
type Attempt = Target & { kind: 'postgres' };

/** Returns the attempts to connect, in libpq's order: each host with each of its `ssl` settings. */
function attemptsOf(target: Target): Target[] {
  if (target.kind === 'pglite') return [target];
  const { others = [], fallback, ...rest } = target;
  return [target, ...others].flatMap(({ host, port }): Attempt[] => {
    const one = { ...rest, host, port, config: { ...rest.config, host, port } };
    // libpq does not encrypt a Unix socket.
    if (host.startsWith('/')) return [{ ...one, config: { ...one.config, ssl: false } }];
    if (fallback === undefined) return [one];
    return [one, { ...one, config: { ...one.config, ssl: fallback } }];
  });
}

/**
 * Returns whether a server has the role that is asked for.
 *
 * @param status what the server reports when a connection begins (PostgreSQL 14 and newer); a pooler
 *   may leave it out, and the server is then accepted
 */
export function hasRole(role: ServerRole, status: ReadonlyMap<string, string>): boolean {
  const isStandby = status.get('in_hot_standby') === 'on';
  const isReadOnly = isStandby || status.get('default_transaction_read_only') === 'on';
  if (role === 'read-write') return !isReadOnly;
  if (role === 'read-only') return isReadOnly || !status.has('in_hot_standby');
  if (role === 'primary') return !isStandby;
  if (role === 'standby' || role === 'prefer-standby')
    return isStandby || !status.has('in_hot_standby');
  return true;
}
