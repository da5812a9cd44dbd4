import { chmodSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { app, servers, withDatabase } from '../db/targets.ts';
import { folderOf, runCli } from './run-cli.ts';

/** Nothing listens on this port. */
const dead = '127.0.0.1:1';

describe.each(servers.slice(-1))('a database URL on $name', (server) => {
  const placeOf = (url: string) => new URL(url).host;
  const show = (url: string, environment = {}, flags: string[] = []) =>
    runCli(['env', 'show', '--json', '--database-url', url, ...flags], { environment });

  it('with several hosts uses the first that answers', () =>
    withDatabase(server, async (url) => {
      const { exitCode, stderr } = await show(url.replace(placeOf(url), `${dead},${placeOf(url)}`));
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(stderr).toContain(`@${placeOf(url)}/`);
    }));

  it('with several hosts of which none answers names each', async () => {
    const { exitCode, stdout } = await show('postgres://u@127.0.0.1:1,127.0.0.1:2/d');
    expect(exitCode).toBe(3);
    expect(stdout).toContain('127.0.0.1:1/d: connection refused');
    expect(stdout).toContain('127.0.0.1:2/d: connection refused');
  });

  it.each([
    ['read-write', 3],
    ['primary', 0],
    ['standby', 3],
    ['read-only', 0],
    ['prefer-standby', 0],
    ['any', 0],
  ])('with target_session_attrs=%s on a read-only primary exits with %d', (role, code) =>
    withDatabase(server, async (url) => {
      const client = new pg.Client(url);
      await client.connect();
      const name = client.escapeIdentifier(client.database ?? '');
      await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
      await client.end();
      const { exitCode, stdout } = await show(`${url}?target_session_attrs=${role}`);
      expect({ exitCode, stdout }).toMatchObject({ exitCode: code });
      if (code === 3) expect(stdout).toContain(`is not ${role}.`);
    }),
  );

  it.each([
    ['prefer', 0],
    ['allow', 0],
    ['disable', 0],
    ['require', 3],
  ])('with sslmode=%s on a server without TLS exits with %d', (mode, code) =>
    withDatabase(server, async (url) => {
      expect(await show(`${url}?sslmode=${mode}`)).toMatchObject({ exitCode: code });
    }),
  );

  // The limit is below the server's authentication_timeout, after which it closes the connection itself.
  it('takes the password from ~/.pgpass and prints it nowhere', { timeout: 45_000 }, () =>
    withDatabase(server, async (url) => {
      const HOME = folderOf({ '.pgpass': `*:*:*:app:${app.password}` });
      chmodSync(join(HOME, '.pgpass'), 0o600);
      const asApp = url.replace('postgres@', 'app@');
      const { exitCode, stdout, stderr } = await show(asApp, { HOME });
      expect({ exitCode, stdout }).toMatchObject({ exitCode: 0 });
      expect(stdout + stderr).not.toContain(app.password);
      expect(await show(asApp, { HOME: folderOf({}) })).toMatchObject({ exitCode: 3 });
      const client = new pg.Client(server.adminUrl);
      await client.connect();
      // The server process of the refused connection ends: it would delay every DROP DATABASE.
      for (let open = 1; open > 0;) {
        const { rows } = await client.query(
          "SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND state IS NULL",
        );
        open = rows.length;
      }
      await client.end();
    }),
  );

  it('comes from PGSERVICE where nothing else names a database', () =>
    withDatabase(server, async (url) => {
      const { hostname, port, pathname } = new URL(url);
      const section = `[shop]\nhost=${hostname}\nport=${port}\ndbname=${pathname.slice(1)}\nuser=postgres`;
      const environment = { HOME: folderOf({ '.pg_service.conf': section }), PGSERVICE: 'shop' };
      const { exitCode, stdout } = await runCli(['env', 'show', '--json'], { environment });
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout).target.database).toBe(pathname.slice(1));
    }));

  it('is waited for with --wait-for-database, and not without', () =>
    withDatabase(server, async (url) => {
      const gate = await startGate(new URL(url).port, 2);
      const through = url.replace(placeOf(url), `127.0.0.1:${gate.port}`);
      expect(await show(through)).toMatchObject({ exitCode: 3 });
      const waited = await show(through, {}, ['--wait-for-database', '60s']);
      expect(waited).toMatchObject({ exitCode: 0 });
      gate.close();
    }));
});

/** A port that closes the first `closed` connections, as a starting server does, and serves the others. */
async function startGate(target: string, closed: number) {
  let seen = 0;
  const gate = createServer((client) => {
    client.on('error', () => {});
    if (seen++ < closed) return void client.destroy();
    const upstream = connect(Number(target), '127.0.0.1').on('error', () => client.destroy());
    client.pipe(upstream).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(gate, 'listening');
  const address = gate.address();
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return { port: address.port, close: () => gate.close() };
}
