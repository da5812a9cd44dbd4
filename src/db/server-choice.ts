import type { ClientConfig } from 'pg';
import { parse as parseConnectionString } from 'pg-connection-string';
import { messageOf, usageError } from '../errors.ts';
import type { ConnectionParameters } from './connection-parameters.ts';

/** The `ssl` setting of pg. */
export type Tls = NonNullable<ClientConfig['ssl']>;

const roles = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;

/** Which server of several is accepted (libpq's `target_session_attrs`). */
export type ServerRole = (typeof roles)[number];

/** @throws usage error for an unknown role */
export function serverRoleOf({
  target_session_attrs: text = 'any',
}: ConnectionParameters): ServerRole {
  const role = roles.find((each) => each === text);
  if (role) return role;
  throw usageError(
    'TARGET.URL',
    `Unknown target_session_attrs: ${text}`,
    `Use one of: ${roles.join(', ')}`,
  );
}

/** Modes of libpq (PostgreSQL manual, "SSL Support"), and pg's own `no-verify`. */
const tlsModes = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
  'no-verify',
] as const;

const tls = new Set(['sslmode', 'sslrootcert', 'sslcert', 'sslkey']);
const notForPg = new Set(['host', 'port', 'user', 'password', 'dbname', 'service', 'passfile']);

/**
 * Returns the settings for pg of everything but the server, the login and the database.
 *
 * @returns `fallback`: the `ssl` setting of a second attempt
 * @throws usage error for an unknown `sslmode`, or a certificate that cannot be read
 */
export function settingsOf(parameters: ConnectionParameters): ClientConfig & { fallback?: Tls } {
  const encrypted = encryption(parameters);
  const others = select(parameters, (key) => !tls.has(key) && !notForPg.has(key));
  const settings = { ...parsed(others), ...timeoutOf(parameters) };
  const mode = parameters['sslmode'];
  if (mode === 'allow') return { ...settings, ssl: false, fallback: encrypted };
  if (mode === 'prefer') return { ...settings, ssl: encrypted, fallback: false };
  return { ...settings, ssl: encrypted };
}

function encryption(parameters: ConnectionParameters): Tls {
  const { sslmode, sslrootcert, ssl, sslnegotiation } = parameters;
  if (sslmode !== undefined && !tlsModes.some((mode) => mode === sslmode))
    throw usageError(
      'TARGET.URL',
      `Unknown sslmode: ${sslmode}`,
      `Use one of: ${tlsModes.join(', ')}`,
    );
  if (sslmode === undefined && sslrootcert === undefined)
    return ssl === 'true' || ssl === '1' || sslnegotiation === 'direct';
  // The system's certificates are Node's default; libpq then requires verify-full.
  if (sslrootcert === 'system') return {};
  // pg has no `allow`; its TLS attempt is the one of `prefer`.
  const asked = { ...parameters, ...(sslmode === 'allow' && { sslmode: 'prefer' }) };
  return parsed(select(asked, (key) => tls.has(key))).ssl ?? false;
}

function select(
  parameters: ConnectionParameters,
  isSelected: (key: string) => boolean,
): ConnectionParameters {
  return Object.fromEntries(Object.entries(parameters).filter(([key]) => isSelected(key)));
}

/** pg reads sslmode=require as verify-full and prints a warning; this requests libpq's meaning. */
function parsed(parameters: ConnectionParameters): ClientConfig {
  const isLibpq = parameters['sslmode'] !== undefined && parameters['sslmode'] !== 'no-verify';
  const query = new URLSearchParams({
    ...parameters,
    ...(isLibpq && { uselibpqcompat: 'true' }),
  });
  try {
    const config: object = parseConnectionString(`postgres:///?${query}`);
    return Object.fromEntries(
      Object.entries(config).filter(([, value]) => value !== null && value !== ''),
    );
  } catch (error) {
    throw usageError(
      'TARGET.URL',
      'The TLS parameters of the database URL cannot be used.',
      'Correct sslmode, sslrootcert, sslcert and sslkey. sslmode=verify-ca requires sslrootcert.',
      [messageOf(error)],
    );
  }
}

/** `connect_timeout` is in seconds; 0 means no limit. */
function timeoutOf({ connect_timeout: seconds }: ConnectionParameters): ClientConfig {
  if (seconds === undefined) return {};
  const milliseconds = Number(seconds) * 1000;
  return Number.isFinite(milliseconds) ? { connectionTimeoutMillis: milliseconds } : {};
}
