import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { app, inTurn, servers, withDatabase } from '../db/targets.ts';
import { folderOf, runCli } from './run-cli.ts';

const encoding = "node -p 'encodeURIComponent";

describe('a database URL that cannot be used', () => {
  it.each([
    ['with a raw @ and / in its password', 'postgres://u:p@ss/w@h/db', encoding],
    ['with a raw # in its password', 'postgres://u:p#w@h/db', encoding],
    ['of another scheme', 'mysql://u:p@h/db', 'postgres://USER:PASSWORD@HOST:5432/DATABASE'],
    ['without a scheme', 'localhost/db', 'postgres://USER:PASSWORD@HOST:5432/DATABASE'],
    ['that is empty', '', 'postgres://USER:PASSWORD@HOST:5432/DATABASE'],
    ['with a port that is none', 'postgres://u@h:99999/db', 'HOST:5432'],
    ['of an embedded database without a folder', 'pglite:', 'pglite:memory'],
  ])('%s exits with 2 and says what to write', async (_, url, advice) => {
    const { exitCode, stdout, stderr } = await runCli(['env', 'show', '--database-url', url]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('TARGET.URL');
    expect(stderr).toContain(advice);
    if (url.includes('p@')) expect(stderr).not.toContain(url);
  });

  it('is named by its variable when none is set', async () => {
    const { exitCode, stderr } = await runCli(['env', 'show']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Set DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE');
  });
});

it('exits with 3 where nothing listens', async () => {
  const url = 'postgres://u@127.0.0.1:1/shop';
  const { exitCode, stderr } = await runCli(['doctor', '--database-url', url]);
  expect(exitCode).toBe(3);
  expect(stderr).toContain(`Cannot connect to ${url}: connection refused.`);
  expect(stderr).toContain('ECONNREFUSED');
  expect(stderr).toMatch(/→ .*dbops doctor/);
});

describe.each(servers)('$name', (server) => {
  const it = inTurn(server, servers);
  it('refuses a wrong password: 3', async () => {
    const { exitCode, stderr } = await runCli(['env', 'show'], asApp(server.adminUrl, 'wrong'));
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/postgres:\/\/app@.* rejected the password/);
    expect(stderr).toContain('28P01');
  });

  it('does not have the database: 3', async () => {
    const url = new URL(server.adminUrl);
    url.pathname = 'nowhere';
    const { exitCode, stderr } = await runCli(['env', 'show', '--database-url', url.href]);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/The database .*\/nowhere does not exist/);
    expect(stderr).toContain('createdb');
  });

  it.each(['migrate up', 'env set staging'])(
    'refuses a role without rights %s: 3, and the SQLSTATE',
    async (words) => {
      await withDatabase(server, async (url) => {
        const { exitCode, stdout, stderr } = await runCli(words.split(' '), {
          ...asApp(url, app.password),
          cwd: folderOf(oneMigration),
        });
        expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
        expect(stderr).toContain('permission denied for database');
        expect(stderr).toContain('SQLSTATE 42501');
        expect(stderr).toMatch(
          /→ Connect as the owner, or .*: GRANT CREATE ON DATABASE test_\w+ TO app;/,
        );
      });
    },
  );

  it('names the migration that a right is missing for: 3', async () => {
    await withDatabase(server, async (url) => {
      const client = new pg.Client(url);
      await client.connect();
      await client.query(`GRANT CREATE ON DATABASE ${client.database} TO app`);
      await client.end();
      const { exitCode, stdout, stderr } = await runCli(['migrate', 'up'], {
        ...asApp(url, app.password),
        cwd: folderOf(oneMigration),
      });
      expect(exitCode).toBe(3);
      expect(stdout).toContain('✗ 0001_tables');
      expect(stderr).toContain('0001_tables.up.sql:1');
      expect(stderr).toContain('SQLSTATE 42501: permission denied for schema public');
    });
  });

  it('goes away in the middle of a command: 3', async () => {
    await withDatabase(server, async (url) => {
      const cwd = folderOf({
        'migrations/0001_last.up.sql': 'SELECT pg_terminate_backend(pg_backend_pid());',
      });
      const { exitCode, stderr } = await runCli(['migrate', 'up', '--database-url', url], { cwd });
      expect(exitCode).toBe(3);
      expect(stderr).toContain('0001_last lost its connection');
      expect(stderr).toContain('dbops migrate status');
    });
  });
});

const oneMigration = {
  'migrations/0001_tables.up.sql': 'CREATE TABLE shops (id int);',
  'migrations/0001_tables.down.sql': 'DROP TABLE shops;',
};

function asApp(adminUrl: string, password: string): { environment: Record<string, string> } {
  const url = new URL(adminUrl);
  url.username = app.user;
  url.password = password;
  return { environment: { DATABASE_URL: url.href } };
}
