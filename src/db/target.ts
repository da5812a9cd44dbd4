import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import type { ClientConfig } from 'pg';
import { parse as parseConnectionString } from 'pg-connection-string';
import { usageError } from '../errors.ts';
import type { EmbeddedExtensions } from './pglite-extensions.ts';

/** Where the database is: a server, or an embedded one in a directory (`null`: in memory). */
export type Target =
  | {
      kind: 'postgres';
      host: string;
      port: number;
      user: string;
      database: string;
      config: ClientConfig;
      secrets: string[];
    }
  | { kind: 'pglite'; directory: string | null; extensions?: EmbeddedExtensions };

type Environment = Readonly<Record<string, string | undefined>>;

const encodingHint =
  'Percent-encode the user and the password (@ is %40, / is %2F, : is %3A, # is %23): ' +
  `node -p 'encodeURIComponent("…")'`;

/**
 * Reads `postgres://…`, `postgresql://…`, `pglite:DIR` or `pglite:memory`.
 *
 * @param folder that a relative DIR is in
 *
 * A raw `@` or `/` in a password makes a URL ambiguous (pg itself reads
 * `postgres://u:p@ss/w@h/db` as host `ss`), so it is refused rather than guessed at.
 *
 * @throws usage error `TARGET.URL`; the message never repeats the URL, which may hold a password.
 */
export function parseTarget(
  url: string,
  environment: Environment = {},
  folder = process.cwd(),
): Target {
  if (url.startsWith('pglite:')) return parsePglite(url, folder);
  const parts = /^postgres(?:ql)?:\/\/(?:(?<user>[^@/?#]*)@)?(?<rest>[^@#]*)$/.exec(
    splitQuery(url).base,
  );
  if (!parts)
    throw usageError('TARGET.URL', malformed(url), looksEncoded(url) ? encodingHint : schemeHint);
  return fromConnectionString(url, environment);
}

/** The target that the `PG*` variables describe, as libpq reads them. */
export function targetFromVariables(environment: Environment): Target {
  return fromConnectionString('postgres://', environment);
}

const schemeHint =
  'Write postgres://USER:PASSWORD@HOST:5432/DATABASE, pglite:DIRECTORY or pglite:memory.';

function malformed(url: string): string {
  return looksEncoded(url)
    ? 'The database URL can be read in more than one way: its user or password holds a raw @, / or #.'
    : 'The database URL is not one that dbops knows.';
}

function looksEncoded(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url) && url.includes('@');
}

function splitQuery(url: string): { base: string; query: string } {
  const at = url.indexOf('?', Math.max(0, url.lastIndexOf('@')));
  return at < 0 ? { base: url, query: '' } : { base: url.slice(0, at), query: url.slice(at + 1) };
}

function parsePglite(url: string, folder: string): Target {
  const directory = url.slice('pglite:'.length);
  if (!directory)
    throw usageError('TARGET.URL', 'The embedded database needs a directory.', schemeHint);
  const inMemory = directory === 'memory' || directory === 'memory://';
  return { kind: 'pglite', directory: inMemory ? null : resolve(folder, directory) };
}

function fromConnectionString(url: string, environment: Environment): Target {
  const config = parseUrl(url);
  const user = config.user || environment['PGUSER'] || userInfo().username;
  const password =
    typeof config.password === 'string' ? config.password : environment['PGPASSWORD'];
  const host = config.host || environment['PGHOST'] || 'localhost';
  const port = Number(config.port || environment['PGPORT'] || 5432);
  const database = config.database || environment['PGDATABASE'] || user;
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw usageError('TARGET.URL', 'The port of the database URL is not a number.', schemeHint);
  const { PGSSLMODE } = environment;
  if (PGSSLMODE) assertSslMode(PGSSLMODE, 'PGSSLMODE');
  const options: ClientConfig = { ...config, host, port, user, database };
  if (password) options.password = password;
  return {
    kind: 'postgres',
    host,
    port,
    user,
    database,
    config: options,
    secrets: secretsOf(url, password).filter(
      (secret) => !['postgres', user, database, host].includes(secret),
    ),
  };
}

function parseUrl(url: string): ClientConfig & Record<string, unknown> {
  const { base, query } = splitQuery(url);
  const parameters = new URLSearchParams(query);
  // pg reads sslmode=require as verify-full and prints a warning; this asks for libpq's meaning.
  const sslmode = parameters.get('sslmode');
  if (sslmode !== null) assertSslMode(sslmode, 'sslmode in the database URL');
  if (sslmode === 'allow') parameters.set('sslmode', 'prefer'); // pg does not know it, and would verify the certificate
  // pg's own value, which libpq does not have.
  if (sslmode !== null && sslmode !== 'no-verify') parameters.set('uselibpqcompat', 'true');
  try {
    const parsed = parseConnectionString(parameters.size ? `${base}?${parameters}` : base);
    return Object.fromEntries(
      Object.entries(parsed).filter(([, value]) => value != null && value !== ''),
    );
  } catch {
    throw usageError(
      'TARGET.URL',
      'The database URL can not be read.',
      `${schemeHint} ${encodingHint}`,
    );
  }
}

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** pg takes any other value for a wish for TLS, or for none. */
function assertSslMode(mode: string, source: string): void {
  if (sslModes.includes(mode)) return;
  throw usageError(
    'TARGET.URL',
    `Unknown ${source}: ${mode}`,
    `Use one of: ${sslModes.join(', ')}`,
  );
}

/** Every spelling in which the password could reach a stream. One that is a name too is no secret. */
function secretsOf(url: string, password: string | undefined): string[] {
  const raw = /:\/\/[^:@/]*:([^@]*)@/.exec(url)?.[1];
  return [...new Set([password, raw, password && encodeURIComponent(password)])].filter(
    (secret): secret is string => !!secret,
  );
}

/** The name of the target for people, without the password. */
export function describeTarget(target: Target): string {
  if (target.kind === 'pglite') return `pglite:${target.directory ?? 'memory'}`;
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  return target.host.startsWith('/')
    ? `postgres://${target.user}@/${target.database}?host=${target.host}`
    : `postgres://${target.user}@${host}:${target.port}/${target.database}`;
}

/** The database's name, which `--confirm` must repeat. */
export function databaseName(target: Target): string {
  return target.kind === 'pglite' ? 'postgres' : target.database;
}

/** True for a database on this machine, which is nobody's production. */
export function isLocal(target: Target): boolean {
  if (target.kind === 'pglite' || target.host.startsWith('/')) return true;
  return target.host === 'localhost' || target.host === '::1' || target.host.startsWith('127.');
}

/** A pooler in transaction mode loses session state between statements. */
export function isPooler(target: Target): boolean {
  return target.kind === 'postgres' && (target.port === 6543 || /-pooler\./.test(target.host));
}
