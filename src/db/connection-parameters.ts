import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { usageError } from '../errors.ts';
import type { Environment } from '../output/terminal.ts';

/** Connection parameters by their libpq names (PostgreSQL manual, "Parameter Key Words"). */
export type ConnectionParameters = Record<string, string>;

/** One server of a connection string. */
export interface HostAndPort {
  host: string;
  port: number;
}

export const schemeHint =
  'Use postgres://USER:PASSWORD@HOST:5432/DATABASE, pglite:DIRECTORY or pglite:memory.';

const encodingHint =
  'Percent-encode the user and the password (@ is %40, / is %2F, : is %3A, # is %23): ' +
  `node -p 'encodeURIComponent("…")'`;

/**
 * Returns the parameters of a URL or of a `host=… dbname=…` string, completed as libpq completes
 * them: from the service that it names, then from the `PG*` variables.
 *
 * @throws usage error `TARGET.URL` or `TARGET.SERVICE`; no message repeats the text, which may hold a
 *   password
 */
export function readParameters(text: string, environment: Environment): ConnectionParameters {
  const plain = unquoted(text);
  assertExpanded(plain);
  const given = isConninfo(plain) ? fromConninfo(plain) : fromUrl(plain);
  const service = given['service'] ?? environment['PGSERVICE'];
  return {
    ...fromVariables(environment),
    ...(service !== undefined && fromService(service, environment)),
    ...given,
  };
}

/** `docker run --env-file` and some hosts keep the quotes of `DATABASE_URL="…"`. */
function unquoted(text: string): string {
  const trimmed = text.trim();
  return /^(["'])(.*)\1$/s.exec(trimmed)?.[2] ?? trimmed;
}

function assertExpanded(text: string): void {
  const variable = /\$\{(\w+)/.exec(text)?.[1];
  if (variable === undefined) return;
  throw usageError(
    'TARGET.URL',
    `The database URL contains \${${variable}}, which is not set.`,
    `Set ${variable} in the environment or in .env. Write a dollar sign of a password as %24.`,
  );
}

function isConninfo(text: string): boolean {
  return /^[a-z_]+\s*=/i.test(text);
}

/** Reads `host=a port=5432 password='with \' quote'` (PostgreSQL manual, "Keyword/Value Connection Strings"). */
function fromConninfo(text: string): ConnectionParameters {
  const pair = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gisy;
  const parameters: ConnectionParameters = {};
  let end = 0;
  for (const [whole, key = '', quoted, bare = ''] of text.matchAll(pair)) {
    parameters[key.toLowerCase()] = (quoted ?? bare).replace(/\\(.)/gs, '$1');
    end += whole.length;
  }
  if (text.slice(end).trim() === '') return parameters;
  throw usageError(
    'TARGET.URL',
    'The connection string is not a list of KEY=VALUE pairs.',
    `Put values with spaces in single quotes. ${schemeHint}`,
  );
}

/**
 * Reads `postgres://user:password@host:port,host:port/database?parameter=value`.
 *
 * A raw `@` or `/` in a password makes a URL ambiguous (pg reads `postgres://u:p@ss/w@h/db` as host
 * `ss`), so it is rejected.
 */
function fromUrl(text: string): ConnectionParameters {
  const { base, query } = splitQuery(text);
  const parts =
    /^postgres(?:ql)?:\/\/(?:(?<login>[^@/?#]*)@)?(?<hosts>[^@/#]*)(?:\/(?<database>[^@#]*))?$/i.exec(
      base,
    )?.groups;
  if (!parts) throw malformed(text);
  const { login = '', hosts = '', database = '' } = parts;
  const colon = login.indexOf(':');
  const user = colon < 0 ? login : login.slice(0, colon);
  const password = colon < 0 ? '' : login.slice(colon + 1);
  const places = hosts.split(',').map(splitHost);
  const fromBase = {
    user: decoded(user),
    password: decoded(password),
    host: places.map(({ host }) => decoded(host)).join(','),
    port: places.some(({ port }) => port !== '') ? places.map(({ port }) => port).join(',') : '',
    dbname: decoded(database),
  };
  const further = Object.fromEntries(new URLSearchParams(query));
  // An empty sslmode is rejected below; everything else that is empty counts as absent.
  const { sslmode } = further;
  return { ...withoutEmpty({ ...fromBase, ...further }), ...(sslmode === '' && { sslmode }) };
}

function malformed(text: string) {
  if (/^psql\s/.test(text))
    return usageError(
      'TARGET.URL',
      'The database URL begins with psql: it is a command.',
      'Use the URL in its quotes alone: postgres://…',
    );
  const isAmbiguous = /^postgres(ql)?:\/\//i.test(text) && text.includes('@');
  return isAmbiguous
    ? usageError(
        'TARGET.URL',
        'The database URL can be read in more than one way: its user or password contains a raw @, / or #.',
        encodingHint,
      )
    : usageError('TARGET.URL', 'The database URL has an unknown form.', schemeHint);
}

function splitQuery(url: string): { base: string; query: string } {
  const at = url.indexOf('?', Math.max(0, url.lastIndexOf('@')));
  return at < 0 ? { base: url, query: '' } : { base: url.slice(0, at), query: url.slice(at + 1) };
}

/** `host`, `host:5432`, `[::1]` or `[::1]:5432`. */
function splitHost(text: string): { host: string; port: string } {
  const {
    v6,
    host = '',
    port = '',
  } = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:]*))(?::(?<port>.*))?$/.exec(text)?.groups ?? {};
  return { host: v6 ?? host, port };
}

/** A `%` that is not followed by two hexadecimal digits is a percent sign, as in pg. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, '%25'));
  } catch {
    throw usageError(
      'TARGET.URL',
      'The percent-encoding of the database URL is not UTF-8.',
      `Write % as %25. ${encodingHint}`,
    );
  }
}

function withoutEmpty(parameters: Record<string, string>): ConnectionParameters {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== ''));
}

/** libpq's environment variables and the parameters that they set. */
const variableOf: Record<string, string> = {
  PGHOST: 'host',
  PGPORT: 'port',
  PGUSER: 'user',
  PGPASSWORD: 'password',
  PGDATABASE: 'dbname',
  PGSSLMODE: 'sslmode',
  PGSSLROOTCERT: 'sslrootcert',
  PGSSLCERT: 'sslcert',
  PGSSLKEY: 'sslkey',
  PGOPTIONS: 'options',
  PGCONNECT_TIMEOUT: 'connect_timeout',
  PGTARGETSESSIONATTRS: 'target_session_attrs',
  PGPASSFILE: 'passfile',
};

function fromVariables(environment: Environment): ConnectionParameters {
  const set = Object.entries(variableOf).map(([name, key]) => [key, environment[name] ?? '']);
  return withoutEmpty(Object.fromEntries(set));
}

/** Reads the section of a service (PostgreSQL manual, "The Connection Service File"). */
function fromService(service: string, environment: Environment): ConnectionParameters {
  const files = serviceFiles(environment);
  for (const file of files) {
    const lines = readLines(file).map((line) => line.trim());
    const start = lines.indexOf(`[${service}]`);
    if (start < 0) continue;
    const rest = lines.slice(start + 1);
    const end = rest.findIndex((line) => line.startsWith('['));
    const pairs = rest.slice(0, end < 0 ? rest.length : end).flatMap((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()]];
    });
    return withoutEmpty(Object.fromEntries(pairs));
  }
  throw usageError(
    'TARGET.SERVICE',
    `The service ${service} is in none of the service files.`,
    'Add the service to one of these files, or correct PGSERVICE or PGSERVICEFILE.',
    files,
  );
}

function serviceFiles(environment: Environment): string[] {
  const own = environment['PGSERVICEFILE'] ?? join(homeOf(environment), '.pg_service.conf');
  const shared = environment['PGSYSCONFDIR'];
  return shared ? [own, join(shared, 'pg_service.conf')] : [own];
}

/** Returns the lines of a file without comments; none where the file does not exist. */
export function readLines(file: string): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split(/\r?\n/);
    return lines.filter((line) => !/^\s*(?:#|$)/.test(line));
  } catch {
    return [];
  }
}

export function homeOf(environment: Environment): string {
  return environment['HOME'] ?? homedir();
}

/**
 * Returns the servers in the order in which they are tried.
 *
 * @throws usage error for a port that is not a number, or for another number of ports than of hosts
 */
export function hostsOf({ host, port }: ConnectionParameters): HostAndPort[] {
  const hosts = (host ?? 'localhost').split(',').map((each) => each.trim() || 'localhost');
  const ports = (port ?? '').split(',').map((each) => each.trim());
  if (ports.length > 1 && ports.length !== hosts.length)
    throw usageError(
      'TARGET.URL',
      `The database URL has ${hosts.length} hosts and ${ports.length} ports.`,
      'Give one port for all hosts, or one for each.',
    );
  return hosts.map((each, at) => ({ host: each, port: portOf(ports[at] ?? ports[0] ?? '') }));
}

function portOf(text: string): number {
  const port = Number(text || 5432);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw usageError('TARGET.URL', 'The port of the database URL is not a number.', schemeHint);
}
