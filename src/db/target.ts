import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import type { ClientConfig } from 'pg';
import { usageError } from '../errors.ts';
import type { Environment } from '../output/terminal.ts';
import {
  hostsOf,
  readParameters,
  schemeHint,
  type ConnectionParameters,
  type HostAndPort,
} from './connection-parameters.ts';
import { passwordFromFile } from './password-file.ts';
import type { EmbeddedExtensions } from './pglite-extensions.ts';
import { serverRoleOf, settingsOf, type ServerRole, type Tls } from './server-choice.ts';

/** Where the database is: a server, or an embedded one in a directory (`null`: in memory). */
export type Target =
  | {
      kind: 'postgres';
      host: string;
      port: number;
      user: string;
      database: string;
      config: ClientConfig;
      /** Servers that are tried when the first cannot be reached or has another role. */
      others?: HostAndPort[];
      /** The `ssl` setting of a second attempt, with `sslmode=prefer` and `allow`. */
      fallback?: Tls;
      /** Which server is accepted. */
      role?: ServerRole;
      secrets: string[];
    }
  | { kind: 'pglite'; directory: string | null; extensions?: EmbeddedExtensions };

/**
 * Reads a URL, a `host=… dbname=…` string, `pglite:DIR` or `pglite:memory`. What the text leaves out
 * comes from a service file, the `PG*` variables and the password file, as libpq reads them.
 *
 * @param folder that a relative DIR is in
 * @throws usage error `TARGET.…`; the message never repeats the text, which may hold a password
 */
export function parseTarget(
  text: string,
  environment: Environment = {},
  folder = process.cwd(),
): Target {
  if (text.startsWith('pglite:')) return parsePglite(text, folder);
  return fromParameters(readParameters(text, environment), environment, text);
}

/** Returns the target that the `PG*` variables describe, as libpq reads them. */
export function targetFromVariables(environment: Environment): Target {
  return parseTarget('postgres://', environment);
}

function parsePglite(url: string, folder: string): Target {
  const directory = url.slice('pglite:'.length);
  if (!directory)
    throw usageError('TARGET.URL', 'The embedded database requires a directory.', schemeHint);
  const inMemory = directory === 'memory' || directory === 'memory://';
  return { kind: 'pglite', directory: inMemory ? null : resolve(folder, directory) };
}

function fromParameters(
  parameters: ConnectionParameters,
  environment: Environment,
  text: string,
): Target {
  const [first = { host: 'localhost', port: 5432 }, ...others] = hostsOf(parameters);
  const user = parameters['user'] ?? userInfo().username;
  const database = parameters['dbname'] ?? user;
  const password =
    parameters['password'] ??
    passwordFromFile(parameters, { ...first, user, database }, environment);
  assertNoSchema(parameters);
  const { fallback, ...settings } = settingsOf(parameters);
  return {
    kind: 'postgres',
    ...first,
    user,
    database,
    config: { ...settings, ...first, user, database, ...(password && { password }) },
    ...(others.length > 0 && { others }),
    ...(fallback !== undefined && { fallback }),
    role: serverRoleOf(parameters),
    secrets: secretsOf(text, password).filter(
      (secret) => !['postgres', user, database, first.host].includes(secret),
    ),
  };
}

/** Prisma reads `schema` as the search_path and the schema of its tracking table; drivers ignore it. */
function assertNoSchema({ schema }: ConnectionParameters): void {
  if (schema === undefined || schema === 'public') return;
  throw usageError(
    'TARGET.SCHEMA',
    `The database URL has schema=${schema}, which only Prisma reads.`,
    `Replace it with options=-csearch_path%3D${encodeURIComponent(schema)}; for Prisma migrations also pass --tracking-table ${schema}._prisma_migrations`,
  );
}

/**
 * Returns every spelling of the password that could reach an output stream. A password that is also
 * a name is not a secret.
 */
function secretsOf(url: string, password: string | undefined): string[] {
  const raw = /:\/\/[^:@/]*:([^@]*)@/.exec(url)?.[1];
  return [...new Set([password, raw, password && encodeURIComponent(password)])].filter(
    (secret): secret is string => !!secret,
  );
}

/** Returns the name of the target for people, without the password. */
export function describeTarget(target: Target): string {
  if (target.kind === 'pglite') return `pglite:${target.directory ?? 'memory'}`;
  if (target.host.startsWith('/') && !target.others)
    return `postgres://${target.user}@/${target.database}?host=${target.host}`;
  const places = [target, ...(target.others ?? [])].map(
    ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`,
  );
  return `postgres://${target.user}@${places.join(',')}/${target.database}`;
}

/** Returns the database's name, which `--confirm` must repeat. */
export function databaseName(target: Target): string {
  return target.kind === 'pglite' ? 'postgres' : target.database;
}

/** Returns whether the database is on this machine. */
export function isLocal(target: Target): boolean {
  if (target.kind === 'pglite') return true;
  return [target, ...(target.others ?? [])].every(
    ({ host }) =>
      host.startsWith('/') || host === 'localhost' || host === '::1' || host.startsWith('127.'),
  );
}

/**
 * Returns whether the target looks like a pooler in transaction mode, which loses session state
 * between statements.
 */
export function isPooler(target: Target): boolean {
  return target.kind === 'postgres' && (target.port === 6543 || /-pooler\./.test(target.host));
}
