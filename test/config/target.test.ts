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

it.each(['disable', 'allow', 'prefer', 'require', 'verify-full', 'no-verify'])(
  'accepts sslmode=%s',
  (mode) => {
    const { config } = parseTarget(`postgres://u@h/d?sslmode=${mode}`) as {
      config: { ssl?: false | { rejectUnauthorized?: boolean } };
    };
    expect(config.ssl).toEqual(
      {
        disable: false,
        'verify-full': {},
      }[mode] ?? { rejectUnauthorized: false },
    );
  },
);

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
