import { describe, expect, it } from 'vitest';
import { withSession } from '../db/session.ts';
import { servers, withDatabase, type Target } from '../db/targets.ts';
import { folderOf, program, startShell } from './run-cli.ts';

const [server] = servers;

describe.runIf(server)('dbops migrate up', () => {
  it('prints a migration as soon as it is done, while the next one runs', async () => {
    await withDatabase(server as Target, (url) =>
      withSession(url, async (session) => {
        await session.query('SELECT pg_advisory_lock(4711)');
        const { child, answer } = startShell(`${program} migrate up --statement-timeout 20s`, {
          environment: { DATABASE_URL: url, CI: 'true' },
          cwd: folderOf({
            'migrations/0001_quick.up.sql': 'CREATE TABLE quick (id int);',
            'migrations/0002_waiting.up.sql': 'SELECT pg_advisory_xact_lock(4711);',
          }),
        });
        // Only the line of the first migration lets the second one end.
        child.stdout?.once('data', () => void session.query('SELECT pg_advisory_unlock(4711)'));
        const { exitCode, stdout } = await answer;
        expect({ exitCode, stdout }).toMatchObject({ exitCode: 0 });
        expect(stdout).toMatch(
          /^✓ 0001_quick {2}\d.*\n✓ 0002_waiting {2}\d.*\n✓ 2 migrations applied \(.*\)\n$/,
        );
      }),
    );
  });
});
