import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { describe, expect, it, test } from 'vitest';
import { app, createDatabase, servers, targets, withDatabase } from './targets.ts';

const facts = `
  SELECT current_setting('server_version_num')::int / 10000 AS major,
    (SELECT count(*)::int FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS tables`;

describe.each(targets)('a database on $name', (target) => {
  it('has the major version of the target, is empty, and is dropped afterwards', async () => {
    const url = await withDatabase(target, async (fresh) => {
      expect(await query(fresh, facts)).toEqual([{ major: target.major, tables: 0 }]);
      return fresh;
    });
    expect(await isThere(url)).toBe(false);
  });

  it('is dropped when the test throws', async () => {
    let url = '';
    const failing = withDatabase(target, async (fresh) => {
      url = fresh;
      expect(await isThere(url)).toBe(true);
      throw new Error('a failing test');
    });
    await expect(failing).rejects.toThrow('a failing test');
    expect(await isThere(url)).toBe(false);
  });

  it('is shared with no other test', async () => {
    const databases = await Promise.all([createDatabase(target), createDatabase(target)]);
    expect(databases[0].url).not.toBe(databases[1].url);
    await Promise.all(databases.map(({ drop }) => drop()));
  });
});

describe.each(servers)('$name', (server) => {
  it('drops a database that is still in use', async () => {
    const { url, drop } = await createDatabase(server);
    const client = new pg.Client(url).on('error', () => {});
    await client.connect();
    await drop();
    expect(await isThere(url)).toBe(false);
  });

  it.each(['', 'wrong'])('refuses the role app with the password "%s"', async (password) => {
    await expect(query(asApp(server.adminUrl, password), facts)).rejects.toThrow(/password/);
  });

  it('lets the role app in with its password, without rights', async () => {
    const url = asApp(server.adminUrl, app.password);
    expect(await query(url, 'SELECT current_user')).toEqual([{ current_user: 'app' }]);
    await expect(query(url, 'CREATE DATABASE mine')).rejects.toThrow(/permission denied/);
  });
});

test('there are two majors and PGlite, but for those that DBOPS_TARGETS leaves out', () => {
  const names = targets.map(({ name }) => name);
  const all = ['PostgreSQL 18', 'PostgreSQL 15', 'PGlite'];
  expect(names).toEqual(process.env['DBOPS_TARGETS'] ? all.filter((n) => names.includes(n)) : all);
});

function query(url: string, sql: string): Promise<unknown[]> {
  return url.startsWith('pglite:') ? queryPglite(url, sql) : queryServer(url, sql);
}

async function queryPglite(url: string, sql: string): Promise<unknown[]> {
  const database = await PGlite.create(folderOf(url));
  const { rows } = await database.query(sql);
  await database.close();
  return rows;
}

async function queryServer(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  // pg leaves the socket open where it has no password to send: every DROP DATABASE would wait for it.
  await client.connect().catch((error: unknown) => {
    client.connection.stream.destroy();
    throw error;
  });
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}

/** Whether the database of a server, or the folder made for PGlite, is there. */
async function isThere(url: string): Promise<boolean> {
  if (url.startsWith('pglite:')) return existsSync(dirname(folderOf(url)));
  try {
    await queryServer(url, 'SELECT 1');
    return true;
  } catch {
    return false;
  }
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
