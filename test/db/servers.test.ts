import { existsSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { describe, expect, it, test } from 'vitest';
import { app, servers, targets, withDatabase } from './targets.ts';

const userTables = `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`;
const major = `SELECT current_setting('server_version_num')::int / 10000 AS major`;

describe.each(targets)('a database on $name', (target) => {
  it('has the major version that the target tells', async () => {
    const rows = await withDatabase(target, (url) => query(url, major));
    expect(rows).toEqual([{ major: target.major }]);
  });

  it('is empty and its own', async () => {
    await withDatabase(target, async (url) => {
      await query(url, 'CREATE TABLE mine ()');
      await withDatabase(target, async (other) => {
        expect(await query(other, userTables)).toEqual([]);
      });
    });
  });

  it('is gone afterwards, also when the test throws', async () => {
    let used = '';
    const failing = withDatabase(target, async (url) => {
      await query(url, 'SELECT 1');
      used = url;
      throw new Error('a failing test');
    });
    await expect(failing).rejects.toThrow('a failing test');
    await expectGone(used);
  });
});

describe.each(servers)('$name', (server) => {
  it('drops a database that is still in use', async () => {
    const client = await withDatabase(server, async (url) => {
      const left = new pg.Client(url);
      left.on('error', () => {});
      await left.connect();
      return left;
    });
    await expect(client.query('SELECT 1')).rejects.toThrow(/terminat|not queryable|closed/);
  });

  it.each(['', 'wrong'])('refuses the role app with the password "%s"', async (password) => {
    const login = query(asApp(server.adminUrl, password), 'SELECT 1');
    await expect(login).rejects.toThrow(/password/);
  });

  it('lets the role app in with its password, without rights', async () => {
    const url = asApp(server.adminUrl, app.password);
    expect(await query(url, 'SELECT current_user')).toEqual([{ current_user: 'app' }]);
    await expect(query(url, 'CREATE DATABASE mine')).rejects.toThrow(/permission denied/);
  });
});

test('there are two majors and PGlite, unless DBOPS_TARGETS says otherwise', () => {
  const names = targets.map(({ name }) => name);
  const expected = ['PostgreSQL 18', 'PostgreSQL 15', 'PGlite'];
  if (process.env['DBOPS_TARGETS']) expect(expected).toEqual(expect.arrayContaining(names));
  else expect(names).toEqual(expected);
});

async function query(url: string, sql: string): Promise<unknown[]> {
  return url.startsWith('pglite:') ? queryPglite(url, sql) : queryServer(url, sql);
}

async function queryPglite(url: string, sql: string): Promise<unknown[]> {
  const database = await PGlite.create(folderOf(url));
  const { rows } = await database.query(sql);
  await database.close();
  return rows;
}

async function queryServer(url: string, sql: string): Promise<unknown[]> {
  const client = await connect(url);
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  return client;
}

async function expectGone(url: string): Promise<void> {
  if (url.startsWith('pglite:')) expect(existsSync(folderOf(url))).toBe(false);
  else await expect(connect(url)).rejects.toThrow(/does not exist/);
}

function folderOf(url: string): string {
  return url.slice('pglite:'.length);
}

function asApp(adminUrl: string, password: string): string {
  const url = new URL(adminUrl);
  url.username = app.user;
  url.password = password;
  return url.href;
}
