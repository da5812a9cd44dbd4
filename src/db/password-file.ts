import { statSync } from 'node:fs';
import { join } from 'node:path';
import { usageError } from '../errors.ts';
import type { Environment } from '../output/terminal.ts';
import {
  homeOf,
  readLines,
  type ConnectionParameters,
  type HostAndPort,
} from './connection-parameters.ts';

interface Login extends HostAndPort {
  user: string;
  database: string;
}

/**
 * Returns the password of `~/.pgpass`, or of the file that `PGPASSFILE` or `passfile` names
 * (PostgreSQL manual, "The Password File"); undefined when no line matches.
 *
 * @throws usage error for a file that other users can read: libpq ignores such a file
 */
export function passwordFromFile(
  parameters: ConnectionParameters,
  login: Login,
  environment: Environment,
): string | undefined {
  const file = parameters['passfile'] ?? join(homeOf(environment), '.pgpass');
  const password = readLines(file)
    .map(fieldsOf)
    .find((fields) => fits(fields, login))?.[4];
  if (password !== undefined) assertPrivate(file);
  return password;
}

/** `hostname:port:database:username:password`; `\:` and `\\` stand for the character. */
function fieldsOf(line: string): string[] {
  const fields = line.matchAll(/((?:[^:\\]|\\.)*)(?::|$)/g);
  return [...fields].map(([, field = '']) => field.replace(/\\(.)/g, '$1'));
}

function fits([host, port, database, user]: string[], login: Login): boolean {
  const names = login.host.startsWith('/') ? [login.host, 'localhost'] : [login.host];
  return (
    (host === '*' || names.includes(host ?? '')) &&
    (port === '*' || port === String(login.port)) &&
    (database === '*' || database === login.database) &&
    (user === '*' || user === login.user)
  );
}

function assertPrivate(file: string): void {
  if (process.platform === 'win32' || (statSync(file).mode & 0o077) === 0) return;
  throw usageError(
    'TARGET.PASSFILE',
    `Other users can read the password file ${file}; PostgreSQL's tools ignore it.`,
    `Run: chmod 600 ${file}`,
  );
}
