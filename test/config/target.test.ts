import { chmodSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  databaseName,
  describeTarget,
  isLocal,
  isPooler,
  parseTarget,
  targetFromVariables,
} from '../../src/db/target.ts';
import { folderOf } from '../cli/run-cli.ts';

const local = userInfo().username;

describe('a URL', () => {
  it.each([
    ['postgres://app:pw@db.example.com:6000/shop', 'postgres://app@db.example.com:6000/shop'],
    ['postgresql://app@db.example.com/shop', 'postgres://app@db.example.com:5432/shop'],
    ['postgres://app@db.example.com', 'postgres://app@db.example.com:5432/app'],
    ['postgres://db.example.com/shop', `postgres://${local}@db.example.com:5432/shop`],
    ['postgres:///shop', `postgres://${local}@localhost:5432/shop`],
    ['postgres://app@[::1]:5432/shop', 'postgres://app@[::1]:5432/shop'],
    ['postgres://app@/shop?host=/var/run', 'postgres://app@/shop?host=/var/run'],
    ['postgres://app:a%40b%2Fc@h/shop?sslmode=require', 'postgres://app@h:5432/shop'],
    ['pglite:memory', 'pglite:memory'],
    ['pglite:/data/shop', 'pglite:/data/shop'],
  ])('%s is described as %s', (url, description) => {
    expect(describeTarget(parseTarget(url))).toBe(description);
  });

  it('takes what it leaves out from the PG* variables', () => {
    const variables = {
      PGHOST: 'h',
      PGPORT: '6000',
      PGUSER: 'u',
      PGDATABASE: 'd',
      PGPASSWORD: 'p',
    };
    expect(describeTarget(parseTarget('postgres://', variables))).toBe('postgres://u@h:6000/d');
    expect(describeTarget(targetFromVariables(variables))).toBe('postgres://u@h:6000/d');
    expect(parseTarget('postgres://app@other/shop', variables)).toMatchObject({
      host: 'other',
      user: 'app',
      database: 'shop',
      config: { password: 'p' },
    });
  });

  it('has a relative folder in the one that is given', () => {
    expect(parseTarget('pglite:data', {}, '/srv/shop')).toEqual({
      kind: 'pglite',
      directory: join('/srv/shop', 'data'),
    });
  });

  it('carries every password that is percent-encoded, and describes none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 8 }), (password) => {
        const target = parseTarget(`postgres://app:${encodeURIComponent(password)}@h:5432/shop`);
        expect(target).toMatchObject({ config: { password }, host: 'h', database: 'shop' });
        expect(describeTarget(target)).toBe('postgres://app@h:5432/shop');
      }),
    );
  });

  it('with a raw @, / or # in its password is never guessed at', () => {
    const raw = fc.tuple(fc.constantFrom('@', '/', '#', '?@'), fc.string(), fc.string());
    fc.assert(
      fc.property(raw, ([sign, before, after]) => {
        const encode = encodeURIComponent;
        const url = `postgres://app:${encode(before)}${sign}${encode(after)}@h:5432/shop`;
        expect(() => parseTarget(url)).toThrow(/more than one way/);
      }),
    );
  });
});

it.each(['bogus', 'Require', 'true', ''])('refuses sslmode=%s, which pg takes for TLS', (mode) => {
  const refused = { code: 'TARGET.URL', exitCode: 2 };
  expect(() => parseTarget(`postgres://u@h/d?sslmode=${mode}`)).toThrow(
    expect.objectContaining(refused),
  );
  if (mode)
    expect(() => parseTarget('postgres://u@h/d', { PGSSLMODE: mode })).toThrow(
      expect.objectContaining(refused),
    );
});

it('asks pg for the meaning that libpq gives sslmode=require', () => {
  const { config } = parseTarget('postgres://u@h/d?sslmode=require') as {
    config: { ssl: unknown };
  };
  expect(config.ssl).toEqual({ rejectUnauthorized: false });
});

it.each([
  ['postgres://u@localhost/d', true],
  ['postgres://u@127.0.0.1/d', true],
  ['postgres://u@[::1]/d', true],
  ['postgres://u@/d?host=/var/run', true],
  ['pglite:memory', true],
  ['postgres://u@db.example.com/d', false],
  ['postgres://u@localhost.example.com/d', false],
])('%s is on this machine: %s', (url, expected) => {
  expect(isLocal(parseTarget(url))).toBe(expected);
});

it.each([
  ['postgres://u@ep-cool-1-pooler.eu.neon.tech/d', true],
  ['postgres://u@db.example.com:6543/d', true],
  ['postgres://u@db.example.com/d', false],
  ['pglite:memory', false],
])('%s is a pooler: %s', (url, expected) => {
  expect(isPooler(parseTarget(url))).toBe(expected);
});

it('is confirmed by the name of its database', () => {
  expect(databaseName(parseTarget('postgres://u@h/shop'))).toBe('shop');
  expect(databaseName(parseTarget('pglite:memory'))).toBe('postgres');
});

describe('a connection string', () => {
  it.each([
    ['"postgres://app@h/shop"', 'postgres://app@h:5432/shop'],
    ["'postgres://app@h/shop'\n", 'postgres://app@h:5432/shop'],
    ['host=h port=6000 user=app dbname=shop', 'postgres://app@h:6000/shop'],
    ["host = h user = 'an app' dbname='it\\'s'", "postgres://an app@h:5432/it's"],
    ['postgres://app@a:1,b:2/shop', 'postgres://app@a:1,b:2/shop'],
    ['postgres://app@a,b:2/shop', 'postgres://app@a:5432,b:2/shop'],
    ['postgres://app@/shop?host=a,b&port=6000', 'postgres://app@a:6000,b:6000/shop'],
    ['postgres://app@[::1]:1,[::2]:2/shop', 'postgres://app@[::1]:1,[::2]:2/shop'],
  ])('%s is described as %s', (text, description) => {
    expect(describeTarget(parseTarget(text))).toBe(description);
  });

  it.each([
    ['postgres://u@h/d?sslmode=bogus', /Unknown sslmode: bogus/],
    ['postgres://u@h/d?sslmode=require&sslrootcert=/nowhere/ca.pem', /TLS parameters/],
    ['postgres://u@h/d?target_session_attrs=fast', /Unknown target_session_attrs: fast/],
    ['postgres://u@a,b,c/d?port=1,2', /3 hosts and 2 ports/],
    ['postgres://u:${DB_PASSWORD}@/h/d', /\$\{DB_PASSWORD\}, which is not set/],
    ["psql 'postgres://u@h/d'", /begins with psql/],
    ["host=h password='open", /not a list of KEY=VALUE pairs/],
    ['postgres://u:%ff@h/d', /not UTF-8/],
    ['service=nowhere', /The service nowhere is in none of the service files/],
  ])('%s is rejected', (text, message) => {
    expect(() => parseTarget(text, { HOME: folderOf({}) })).toThrow(message);
  });
});

describe('sslmode', () => {
  const sslOf = (mode: string, environment = {}) => {
    const target = parseTarget(`postgres://u@h/d${mode && `?sslmode=${mode}`}`, environment);
    if (target.kind !== 'postgres') throw new Error('no server');
    return [target.config.ssl, target.fallback];
  };

  it.each([
    ['', false, undefined],
    ['disable', false, undefined],
    ['allow', false, { rejectUnauthorized: false }],
    ['prefer', { rejectUnauthorized: false }, false],
    ['require', { rejectUnauthorized: false }, undefined],
    ['verify-full', {}, undefined],
    ['no-verify', { rejectUnauthorized: false }, undefined],
  ])('%s makes a first and a second attempt as libpq does', (mode, first, second) => {
    expect(sslOf(mode)).toEqual([first, second]);
  });

  it('comes from PGSSLMODE and PGSSLROOTCERT where the URL has none', () => {
    const folder = folderOf({ 'ca.pem': 'the certificate' });
    const environment = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: join(folder, 'ca.pem') };
    expect(sslOf('', environment)).toEqual([{ ca: 'the certificate' }, undefined]);
    expect(sslOf('disable', environment)).toEqual([false, undefined]);
  });
});

describe('a service', () => {
  const HOME = folderOf({
    '.pg_service.conf':
      '# ours\n[shop]\nhost=db.example.com\nport=6000\nuser=app\n\n[other]\nhost=x\n',
  });

  it('completes the URL, before the PG* variables', () => {
    const environment = { HOME, PGSERVICE: 'shop', PGHOST: 'h', PGDATABASE: 'd' };
    expect(describeTarget(parseTarget('postgres://', environment))).toBe(
      'postgres://app@db.example.com:6000/d',
    );
    expect(describeTarget(parseTarget('postgres://b@/e?service=shop', { HOME }))).toBe(
      'postgres://b@db.example.com:6000/e',
    );
  });
});

describe('a password file', () => {
  const lines = [
    '# comment',
    'other:*:*:app:wrong',
    String.raw`h:6000:shop:app:a\:b\\c`,
    '*:*:*:app:any',
  ].join('\n');

  it.each([
    ['postgres://app@h:6000/shop', String.raw`a:b\c`],
    ['postgres://app@h/shop', 'any'],
    ['postgres://app:own@h/shop', 'own'],
    ['postgres://b@h/shop', undefined],
  ])('gives %s the password of the first line that matches', (url, password) => {
    const HOME = folderOf({ '.pgpass': lines });
    chmodSync(join(HOME, '.pgpass'), 0o600);
    const target = parseTarget(url, { HOME });
    if (password !== undefined) expect(target).toHaveProperty('secrets.0', password);
    expect(target.kind === 'postgres' && target.config.password).toBe(password);
  });

  it('that others can read is rejected', () => {
    const folder = folderOf({ passwords: '*:*:*:*:p' });
    chmodSync(join(folder, 'passwords'), 0o644);
    const environment = { PGPASSFILE: join(folder, 'passwords') };
    expect(() => parseTarget('postgres://app@h/shop', environment)).toThrow(/Other users can read/);
  });
});
