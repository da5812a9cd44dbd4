import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { app, newest, withDatabase } from '../db/targets.ts';
import { folderOf, runCli, type Surroundings } from './run-cli.ts';

const password = "Zwölf/Boxer@jagen:Eva#50%'";
const encoded = encodeURIComponent(password);

/** `url` with the password; the servers trust everyone but the role `app`. */
function withPassword(url: string): string {
  return url.replace('postgres@', `postgres:${encoded}@`);
}

/** The random names of temporary folders, in which a part of the password may occur. */
const folders = /(?:dbops-test|cli)-[A-Za-z0-9]{6}/g;

/** Runs a command line and expects the password, or a part of it, on neither stream. */
async function expectKept(argv: string[], surroundings?: Surroundings): Promise<number | null> {
  const { exitCode, stdout, stderr } = await runCli(argv, surroundings);
  const output = (stdout + stderr).replaceAll(folders, '');
  for (const part of [password, encoded, 'Zw', 'Boxer', 'jagen', 'Eva'])
    expect(output).not.toContain(part);
  return exitCode;
}

const broken = {
  'migrations/0001_a.up.sql': 'CREATE TABLE a (id int);',
  'migrations/0002_b.up.sql': 'CREATE TABEL b (id int);',
};

describe.each(newest)('no password reaches a stream', (server) => {
  const words = commands.map((entry) => entry.words).filter((name) => name !== 'demo');

  it.each(words)('of %s, done or refused, spoken or as JSON', async (name) => {
    await withDatabase(server, async (url) => {
      const environment = { DATABASE_URL: withPassword(url) };
      for (const flags of [[], ['--json'], ['--verbose']]) {
        const cwd = folderOf(broken);
        await expectKept([...name.split(' '), 'example', ...flags], { environment, cwd });
        await expectKept([...name.split(' '), ...flags], { environment, cwd });
      }
    });
  });

  it.each<[string, (url: string) => Surroundings & { flags?: string[] }]>([
    ['the option', (url) => ({ flags: ['--database-url', url] })],
    ['the option, with =', (url) => ({ flags: [`--database-url=${url}`] })],
    ['a variable', (url) => ({ environment: { DBOPS_DATABASE_URL: url } })],
    ['.env', (url) => ({ cwd: folderOf({ ...broken, '.env': `DATABASE_URL="${url}"` }) })],
    [
      'the configuration file',
      (databaseUrl) => ({
        cwd: folderOf({ ...broken, 'dbops.config.json': JSON.stringify({ databaseUrl }) }),
      }),
    ],
    [
      'PGPASSWORD',
      (url) => {
        const { hostname, port, pathname, username } = new URL(url);
        const rest = { PGHOST: hostname, PGPORT: port, PGUSER: username };
        return { environment: { ...rest, PGDATABASE: pathname.slice(1), PGPASSWORD: password } };
      },
    ],
    ['the query', (url) => ({ flags: ['--database-url', asParameter(url)] })],
  ])('that came from %s', async (_, give) => {
    await withDatabase(server, async (url) => {
      const { flags = [], environment = {}, cwd = folderOf(broken) } = give(withPassword(url));
      const run = (line: string) =>
        expectKept([...line.split(' '), ...flags], { environment, cwd });
      expect(await run('env show --verbose')).toBe(0);
      expect(await run('migrate up --verbose')).toBe(1);
      expect(await run('migrate status --json')).toBe(0);
    });
  });

  it('in the SQL of a failing migration', async () => {
    await withDatabase(server, async (url) => {
      const secret = 'Katzenklavier-7';
      const { exitCode, stdout, stderr } = await runCli(['migrate', 'up'], {
        environment: { DATABASE_URL: url.replace('postgres@', `postgres:${secret}@`) },
        cwd: folderOf({ 'migrations/0001_a.up.sql': `SELECT dial('host=h password=${secret}');` }),
      });
      expect(exitCode).toBe(1);
      expect(stdout + stderr).not.toContain(secret);
      expect(stderr).toContain("1 | SELECT dial('host=h password=****');");
    });
  });

  it('that is refused', async () => {
    const url = new URL(server.adminUrl);
    Object.assign(url, { username: app.user, password });
    const environment = { DATABASE_URL: url.href };
    expect(await expectKept(['env', 'show', '--verbose'], { environment })).toBe(3);
    expect(await expectKept(['env', 'show', '--json'], { environment })).toBe(3);
  });

  it('but a password that is a name too leaves the name readable', async () => {
    await withDatabase(server, async (url) => {
      const environment = { DATABASE_URL: url.replace('postgres@', 'postgres:postgres@') };
      const { stdout, stderr } = await runCli(['env', 'show', '--json'], { environment });
      expect(JSON.parse(stdout).target.kind).toBe('postgres');
      expect(stderr).toContain(url);
    });
  });

  it('and a short one leaves the digits of an answer alone', async () => {
    await withDatabase(server, async (url) => {
      const { port } = new URL(url);
      const environment = {
        DATABASE_URL: url.replace('postgres@', `postgres:${port.slice(0, 2)}@`),
      };
      const { stderr } = await runCli(['env', 'show'], { environment });
      expect(stderr).toContain(url);
    });
  });
});

describe('no password reaches a stream before there is a connection', () => {
  const url = `postgres://shop:${encoded}@127.0.0.1:1/shop`;

  it.each([
    [['env', 'show', `--databse-url=${url}`], 2],
    [['env', 'show', `--databse-url=${asParameter(url)}`], 2],
    [['env', 'show', `--databse-url=postgres://shop:${password}@127.0.0.1:1/shop`], 2],
    [['env', 'show', '--databse-url', url], 2],
    [['env', 'show', '--databse-url', url, '--json'], 2],
    [['env', 'show', url], 2],
    [[url], 2],
    [[asParameter(url)], 2],
    [['--json', url], 2],
    [['env', 'show', '--database-url', url], 3],
    [['env', 'show', '--database-url', url, '--verbose', '--json'], 3],
    [['env', 'show', '--database-url', `postgres://shop:${password}@127.0.0.1:1/shop`], 2],
    [['env', 'show', '--database-url', url.replace('postgres', 'mysql')], 2],
    [['env', 'show', '--database-url', url.replace(':1/', ':none/')], 2],
    [['env', 'show', '--config', url], 2],
    [['env', 'show', '--lock-timeout', url], 2],
    [['backfill', 'run', url, '--database-url', 'pglite:memory'], 2],
    [['seed', '--only', url, '--database-url', 'pglite:memory'], 2],
  ])('of dbops %j: %i', async (argv, exitCode) => {
    expect(await expectKept(argv)).toBe(exitCode);
  });

  it.each([
    ['json', `{"databaseUrl":"${url}"oops`],
    ['json', `{"databaseUrl":"${url}`],
    ['json', `["${url}"]`],
    ['json', JSON.stringify({ databaseUr: url })],
    ['mjs', `export default { databaseUrl: '${url}'`],
    ['mjs', `throw new Error('${url}')`],
    ['ts', `export default { databaseUrl: '${url}' as };`],
  ])('of a broken dbops.config.%s: %s', async (extension, content) => {
    const cwd = folderOf({ [`dbops.config.${extension}`]: content });
    expect(await expectKept(['env', 'show', '--verbose'], { cwd })).toBe(2);
  });
});

/** The URL with its password as a parameter, as pg also reads it. */
function asParameter(url: string): string {
  return `${url.replace(`:${encoded}@`, '@')}?password=${encoded}&application_name=${randomUUID()}`;
}
