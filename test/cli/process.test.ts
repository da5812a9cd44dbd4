import { existsSync, globSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import { servers, withDatabase, type Target } from '../db/targets.ts';
import { withSession } from '../db/session.ts';

import { folderOf, program, runShell, startShell } from './run-cli.ts';

// Each command is a process of its own, which takes long to start on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const [server] = servers;

const manyMigrations = () =>
  folderOf(
    Object.fromEntries(
      Array.from({ length: 3_000 }, (_, at) => [
        `migrations/${String(at + 1).padStart(4, '0')}_a_name_that_takes_some_room.up.sql`,
        '',
      ]),
    ),
  );

const slow = 'CREATE TABLE slow (id int); SELECT pg_sleep(60);';

describe('the built program', () => {
  it('prints its version with the exit code 0', async () => {
    const { version } = JSON.parse(execFileSync('cat', ['package.json'], { encoding: 'utf8' }));
    expect(await runShell(`${program} --version`)).toEqual({
      exitCode: 0,
      stdout: `${version}\n`,
      stderr: '',
    });
  });

  it.each([
    [
      'dbops.config.ts',
      '{"type":"commonjs"}',
      "export default { lockTimeout: 'never' as string };",
    ],
    ['dbops.config.ts', '{}', "export default { lockTimeout: 'never' as string };"],
    ['dbops.config.js', '{"type":"commonjs"}', "export default { lockTimeout: 'never' };"],
    ['dbops.config.js', '{"type":"commonjs"}', "module.exports = { lockTimeout: 'never' };"],
  ])('reads %s beside a package.json %s: %s', async (name, manifest, content) => {
    const cwd = folderOf({ [name]: content, 'package.json': manifest });
    const { stderr } = await runShell(`${program} migrate status`, { cwd });
    expect(stderr).toContain('lockTimeout');
    expect(stderr).not.toContain('Warning');
  });

  it('passes its exit code on', async () => {
    const { exitCode, stderr } = await runShell(`${program} migrate status --chek`);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('(Did you mean --check?)');
  });

  it.runIf(server)('ends in peace when the reader of a pipe leaves early', async () => {
    await withDatabase(server as Target, async (url) => {
      for (const flags of ['', '--json']) {
        const line = `set -o pipefail; ${program} migrate status ${flags} | head -1`;
        const { exitCode, stdout, stderr } = await runShell(line, {
          environment: { DATABASE_URL: url },
          cwd: manyMigrations(),
        });
        expect(exitCode).toBe(0);
        expect(stdout.split('\n')).toHaveLength(2);
        expect(stderr).toMatch(/^target .*\n$/);
      }
    });
  });

  it.runIf(server)(
    'does its work to the end when the reader leaves in the middle of it, and ends in peace',
    async () => {
      await withDatabase(server as Target, async (url) => {
        const surroundings = {
          environment: { DATABASE_URL: url },
          cwd: folderOf({
            'migrations/0001_quick.up.sql': 'CREATE TABLE quick (id int);',
            'migrations/0002_slower.up.sql': 'SELECT pg_sleep(0.5);',
            'migrations/0003_last.up.sql': 'CREATE TABLE last (id int);',
          }),
        };
        const line = `set -o pipefail; ${program} migrate up --quiet | head -1`;
        const { exitCode, stdout, stderr } = await runShell(line, surroundings);
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
        expect(stdout).toMatch(/^✓ 0001_quick .*\n$/);
        const status = await runShell(`${program} migrate status --check`, surroundings);
        expect(status).toMatchObject({ exitCode: 0 });
      });
    },
  );

  it.runIf(server)('writes a large answer to its end before it exits', async () => {
    await withDatabase(server as Target, async (url) => {
      const { stdout } = await runShell(`${program} migrate status --json | cat`, {
        environment: { DATABASE_URL: url },
        cwd: manyMigrations(),
      });
      expect(JSON.parse(stdout).migrations).toHaveLength(3_000);
    });
  });

  it.runIf(server)('does not wait for an answer from a pipe that stays open', async () => {
    await withDatabase(server as Target, async (url) => {
      const environment = { DATABASE_URL: url };
      await runShell(`${program} env set production --protect`, { environment });
      const { exitCode, stderr } = await runShell(`${program} env set staging`, { environment });
      expect(exitCode).toBe(2);
      expect(stderr).toContain('--confirm');
    });
  });

  it.runIf(server).each(['SIGINT', 'SIGTERM'] as const)(
    'stops on %s: nothing is half-done, 130',
    async (signal) => {
      await withDatabase(server as Target, async (url) => {
        const cwd = folderOf({
          'migrations/0001_quick.up.sql': 'CREATE TABLE quick (id int);',
          'migrations/0002_slow.up.sql': slow,
        });
        const { child, answer } = startShell(`exec ${program} migrate up`, {
          environment: { DATABASE_URL: url },
          cwd,
        });
        await withSession(url, async (session) => {
          const sleeping = `SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event = 'PgSleep'`;
          await expect.poll(() => session.query(sleeping), { timeout: 20_000 }).toHaveLength(1);
          child.kill(signal);
          const { exitCode, stdout, stderr } = await answer;
          expect(exitCode).toBe(130);
          expect(stdout).toMatch(
            /✓ 0001_quick .*\n– 0002_slow {2}not run\n1 of 2 migrations applied\n/,
          );
          expect(stderr).toContain('Interrupted: 1 of 2 migrations were applied');
          expect(stderr).toContain('To continue: dbops migrate up');
          const tables = `SELECT relname FROM pg_class WHERE relname IN ('quick', 'slow')`;
          expect(await session.query(tables)).toEqual([{ relname: 'quick' }]);
        });
      });
    },
  );

  it.runIf(server)('says what it was doing, to those who wait and when it is stopped', async () => {
    await withDatabase(server as Target, async (url) => {
      const surroundings = {
        environment: { DATABASE_URL: url },
        cwd: folderOf({ 'migrations/0001_slow.up.sql': slow }),
      };
      const { child, answer } = startShell(`exec ${program} migrate up --json`, surroundings);
      await withSession(url, async (session) => {
        const sleeping = `SELECT 1 FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event = 'PgSleep'`;
        await expect.poll(() => session.query(sleeping), { timeout: 20_000 }).toHaveLength(1);
      });
      const another = await runShell(`${program} migrate up --wait 100ms`, surroundings);
      expect(another.exitCode).toBe(7);
      expect(another.stderr).toMatch(/LOCK\.RUNNER\n.*\): CREATE TABLE slow \(id int\); SELECT/);
      expect(another.stderr).not.toContain('SET LOCAL');
      child.kill('SIGTERM');
      const { exitCode, stdout } = await answer;
      expect(exitCode).toBe(130);
      const { target, error } = JSON.parse(stdout);
      expect(error.code).toBe('INTERRUPTED');
      expect(target.version).toMatch(/^\d+\./);
    });
  });
});

const oldNode = oldNodeOf(['/usr/bin/node', '/usr/local/bin/node']);

if (!oldNode)
  process.stderr.write('no Node older than 22 is installed: its message is not tested\n');

it.runIf(oldNode)('an old Node prints which version is needed: 2, without a stack', async () => {
  const { exitCode, stdout, stderr } = await runShell(
    `'${oldNode}' ${program.split("' ")[1]} --help`,
  );
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^error dbops requires Node 22.*; this is v\d+/);
  expect(stderr).toMatch(/\n {2}→ /);
  expect(stderr).not.toContain('    at ');
});

it.runIf(oldNode)(
  'an old Node prints what to do: in a clone, and where the package is installed',
  async () => {
    const file = program.split("' '")[1]?.slice(0, -1) ?? '';
    const folder = folderOf({ 'bin/dbops.cjs': readFileSync(file, 'utf8') });
    const clone = await runShell(`'${oldNode}' '${file}'`);
    const installed = await runShell(`'${oldNode}' '${folder}/bin/dbops.cjs'`);
    expect(clone.stderr).toContain('Run npm ci; npm run and npx');
    expect(installed.stderr).toContain('Install Node 24');
    expect(installed.stderr).not.toContain('npm ci');
  },
);

function oldNodeOf(candidates: string[]): string | undefined {
  return candidates
    .filter((file) => existsSync(file))
    .find((file) => {
      const version = execFileSync(file, ['--version'], { encoding: 'utf8' });
      return Number.parseInt(version.slice(1), 10) < 22;
    });
}

// The `script` of util-linux gives a process a terminal.
const hasTerminal = process.platform === 'linux' && globSync('/usr/bin/script').length > 0;

describe.runIf(server && hasTerminal)('on a terminal', () => {
  const onTerminal = (line: string) => `script -qec "${line.replaceAll('"', '\\"')}" /dev/null`;

  it.each([
    ['its name', 'NAME\\n', 0, 'staging'],
    ['another name', 'no\\n', 2, 'Declined; nothing was changed'],
  ])('asks for consent, and takes %s', async (_, typed, exitCode, outcome) => {
    await withDatabase(server as Target, async (url) => {
      const environment = { DATABASE_URL: url, TERM: 'xterm' };
      await runShell(`${program} env set production --protect`, { environment });
      const name = new URL(url).pathname.slice(1);
      const { child, answer } = startShell(onTerminal(`${program} env set staging`), {
        environment,
      });
      let asked = false;
      child.stdout?.on('data', (chunk: Buffer) => {
        if (asked || !String(chunk).includes('Type the')) return;
        asked = true;
        child.stdin?.write(typed.replace('NAME', name).replace('\\n', '\r'));
      });
      const { stdout, ...rest } = await answer;
      expect(rest.exitCode).toBe(exitCode);
      expect(stdout).toContain(outcome);
    });
  });
});
