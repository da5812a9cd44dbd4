import { describe, expect, it } from 'vitest';
import { servers, withDatabase, type Target } from '../db/targets.ts';
import { folderOf, runCli } from './run-cli.ts';

const [server] = servers;
const onServer = (test: (url: string) => Promise<void>) => withDatabase(server as Target, test);

const cwd = () =>
  folderOf({
    'migrations/0001_a.up.sql': 'CREATE TABLE a (id int);',
    'migrations/0002_b.up.sql': 'CREATE TABLE b (id int);',
  });

// oxlint-disable-next-line no-control-regex -- the control is what is looked for
const escape = /[\u001b\u009b]/;
// oxlint-disable-next-line no-control-regex -- a line that is redrawn has it, where work takes long
const progress = /\r\u001b\[K[^\r\n]*/g;

describe.runIf(server)('stdout has the result, stderr progress and prompts', () => {
  it('which begins with the target', async () => {
    await onServer(async (url) => {
      const environment = { DATABASE_URL: url };
      const { exitCode, stdout, stderr } = await runCli(['migrate', 'status'], {
        environment,
        cwd: cwd(),
      });
      expect(exitCode).toBe(0);
      const version = server?.major === 18 ? '18' : '15';
      expect(stderr).toMatch(`target  ${url}  (PostgreSQL ${version}.`);
      expect(stderr.split('\n')).toHaveLength(2);
      expect(stdout).toMatch(
        /^migration +state +applied at \(UTC\)\n0001_a +pending\n0002_b +pending\n/,
      );
      expect(stdout).not.toContain('target');
    });
  });

  it('and --quiet silences stderr except errors, and not the result', async () => {
    await onServer(async (url) => {
      const environment = { DATABASE_URL: url };
      const quiet = await runCli(['migrate', 'status', '--quiet'], { environment, cwd: cwd() });
      const usual = await runCli(['migrate', 'status'], { environment, cwd: cwd() });
      expect(quiet).toEqual({ ...usual, stderr: '' });
      const failed = await runCli([
        'env',
        'show',
        '-q',
        '--database-url',
        'postgres://u@127.0.0.1:1',
      ]);
      expect(failed.stderr).toContain('Cannot connect to');
    });
  });

  it('and an error is what happened, why and what to do, without a stack', async () => {
    await onServer(async (url) => {
      const argv = ['migrate', 'up', '--to', '0009', '--database-url', url];
      const { stderr } = await runCli(argv, { cwd: cwd() });
      expect(stderr.split('\n').slice(1)).toEqual([
        'error Migration not found: 0009 MIGRATION.UNKNOWN',
        '  0001_a',
        '  0002_b',
        '  → Pass the name of one of these to --to; dbops migrate status lists them all.',
        '',
      ]);
      const verbose = await runCli([...argv, '--verbose'], { cwd: cwd() });
      expect(verbose.stderr).toMatch(/\n {4}at /);
    });
  });

  it('and names that drive a terminal arrive without that', async () => {
    await onServer(async (url) => {
      const environment = { DATABASE_URL: url };
      await runCli(['env', 'set', 'pro\u001b]0;duction\u0007\u009b31m\u202e'], { environment });
      for (const flags of [[], ['--json']]) {
        const { stdout } = await runCli(['env', 'show', ...flags], { environment, columns: 80 });
        expect(stdout).toContain('duction');
        expect(stdout).not.toMatch(escape);
        expect(stdout).not.toContain('\u202e');
      }
    });
  });
});

describe.runIf(server)('colour', () => {
  const run = (url: string, environment: Record<string, string>, columns?: number) =>
    runCli(['migrate', 'up', '--to', '0001'], {
      environment: { DATABASE_URL: url, ...environment },
      cwd: cwd(),
      columns,
    });

  it.each<[string, boolean, Record<string, string>, number | undefined]>([
    ['a terminal', true, { TERM: 'xterm-256color' }, 80],
    ['a pipe', false, { TERM: 'xterm-256color' }, undefined],
    ['a terminal with NO_COLOR', false, { NO_COLOR: '1' }, 80],
    ['a terminal with an empty NO_COLOR', true, { NO_COLOR: '' }, 80],
    ['a dumb terminal', false, { TERM: 'dumb' }, 80],
    ['a pipe with FORCE_COLOR', true, { FORCE_COLOR: '1' }, undefined],
    ['a terminal with FORCE_COLOR=0', false, { FORCE_COLOR: '0' }, 80],
    ['a pipe with both', true, { FORCE_COLOR: '1', NO_COLOR: '1' }, undefined],
  ])('on %s: %s', async (_, expected, environment, columns) => {
    await onServer(async (url) => {
      const { exitCode, stdout, stderr } = await run(url, environment, columns);
      expect(exitCode).toBe(0);
      expect(escape.test(stdout)).toBe(expected);
      expect(stderr.replaceAll(progress, '')).not.toMatch(escape);
    });
  });

  it('of errors follows the same rules', async () => {
    const argv = ['env', 'show', '--database-url', 'nonsense'];
    expect((await runCli(argv, { columns: 80 })).stderr).toMatch(escape);
    expect((await runCli(argv)).stderr).not.toMatch(escape);
    const plain = await runCli(argv, { columns: 80, environment: { NO_COLOR: '1' } });
    expect(plain.stderr).not.toMatch(escape);
  });

  it('is nowhere in JSON', async () => {
    await onServer(async (url) => {
      const { stdout } = await runCli(['migrate', 'status', '--json', '--database-url', url], {
        environment: { FORCE_COLOR: '1' },
        cwd: cwd(),
        columns: 80,
      });
      expect(stdout).not.toMatch(escape);
    });
  });
});

describe.runIf(server)('a question that nobody can answer is refused with 2 and its flag', () => {
  it.each([
    ['in a pipe', {}, []],
    ['under CI', { columns: 80, environment: { CI: 'true' } }, []],
    ['with --no-input', { columns: 80 }, ['--no-input']],
    ['and --yes does not answer it', {}, ['--yes']],
  ])('%s', async (_, surroundings, flags) => {
    await onServer(async (url) => {
      const name = new URL(url).pathname.slice(1);
      const database = ['--database-url', url];
      const files = {
        'migrations/0001_a.up.sql': 'CREATE TABLE a (id int);',
        'migrations/0001_a.down.sql': 'DROP TABLE a;',
      };
      const folder = { cwd: folderOf(files) };
      await runCli(['env', 'set', 'production', '--protect', ...database]);
      await runCli(['migrate', 'up', ...database], folder);
      const down = ['migrate', 'down', ...database, ...flags];
      const refused = await runCli(down, { ...surroundings, ...folder });
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toContain(`--confirm ${name}`);
      const wrong = await runCli([...down, '--confirm', 'another'], { ...surroundings, ...folder });
      expect(wrong.exitCode).toBe(2);
      expect(wrong.stderr.replaceAll(/\s+/g, ' ')).toContain(
        `--confirm names another, but this database is ${name}`,
      );
      const status = await runCli(['migrate', 'status', '--json', ...database], folder);
      expect(JSON.parse(status.stdout).counts.applied).toBe(1);
      expect(
        (await runCli([...down, '--confirm', name], { ...surroundings, ...folder })).exitCode,
      ).toBe(0);
    });
  });
});
