import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderOf, runCli, type Surroundings } from '../cli/run-cli.ts';

/** A URL where nothing listens: the answer names its database all the same. */
const at = (database: string) => `postgres://shop@127.0.0.1:1/${database}`;

/** The database that a command turns to. */
async function chosen(surroundings: Surroundings, flags: string[] = []): Promise<unknown> {
  const { stdout } = await runCli(['env', 'show', '--json', ...flags], surroundings);
  return JSON.parse(stdout).target?.database;
}

const sources = ['DBOPS_DATABASE_URL', 'DATABASE_URL_UNPOOLED', 'DIRECT_URL', 'DATABASE_URL'];
const pg = { PGHOST: '127.0.0.1', PGPORT: '1', PGUSER: 'shop', PGDATABASE: 'pg_variables' };
const withConfig = () =>
  folderOf({ 'dbops.config.json': `{"databaseUrl":"${at('config_file')}"}` });

describe('the database is that of', () => {
  const everything = { ...Object.fromEntries(sources.map((name) => [name, at(name)])), ...pg };

  it('the flag, before all else', async () => {
    const surroundings = { environment: everything, cwd: withConfig() };
    expect(await chosen(surroundings, ['--database-url', at('flag')])).toBe('flag');
  });

  it.each(sources)('%s, before those that follow', async (name) => {
    const left = sources.slice(sources.indexOf(name));
    const urls = Object.fromEntries(left.map((each) => [each, at(each)]));
    expect(await chosen({ environment: { ...urls, ...pg }, cwd: withConfig() })).toBe(name);
  });

  it('the PG* variables, before the file', async () => {
    expect(await chosen({ environment: pg, cwd: withConfig() })).toBe('pg_variables');
  });

  it('the configuration file', async () => {
    expect(await chosen({ cwd: withConfig() })).toBe('config_file');
  });

  it('the next source, when a variable is set to nothing', async () => {
    const environment = { DBOPS_DATABASE_URL: '', DATABASE_URL: at('next') };
    expect(await chosen({ environment })).toBe('next');
  });

  it('.env.local before .env', async () => {
    const local = {
      '.env.local': `DATABASE_URL=${at('local')}`,
      '.env': `DATABASE_URL=${at('env')}`,
    };
    expect(await chosen({ cwd: folderOf(local) })).toBe('local');
    expect(await chosen({ cwd: folderOf({ '.env': local['.env'] }) })).toBe('env');
  });

  it('a variable that is set, before either, empty as it may be', async () => {
    const cwd = folderOf({
      '.env': `DATABASE_URL=${at('env')}`,
      '.env.local': `DATABASE_URL=${at('local')}`,
    });
    expect(await chosen({ environment: { DATABASE_URL: at('set') }, cwd })).toBe('set');
    const { exitCode } = await runCli(['env', 'show'], { environment: { DATABASE_URL: '' }, cwd });
    expect(exitCode).toBe(2);
  });

  it('.env beside the configuration file, from a folder below', async () => {
    const root = folderOf({
      'dbops.config.json': '{}',
      '.env': `DATABASE_URL=${at('root')}`,
      'apps/web/package.json': '{}',
    });
    expect(await chosen({ cwd: join(root, 'apps/web') })).toBe('root');
  });
});

it('says with --verbose where the URL came from', async () => {
  const cwd = folderOf({ '.env': 'DATABASE_URL=pglite:memory' });
  const { exitCode, stderr } = await runCli(['env', 'show', '--verbose'], { cwd });
  expect(exitCode).toBe(0);
  expect(stderr).toContain('from DATABASE_URL in .env');
});

describe('with no database named', () => {
  const advice = 'Set DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE';

  it('a pipe gets the variable to set: 2', async () => {
    const { exitCode, stdout, stderr } = await runCli(['env', 'show']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(advice);
  });

  it.each([
    ['CI', { environment: { CI: 'true' } }, []],
    ['--no-input', {}, ['--no-input']],
  ])('so is a terminal under %s', async (_, surroundings, flags) => {
    const { exitCode, stderr } = await runCli(['env', 'show', ...flags], {
      ...surroundings,
      columns: 80,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(advice);
  });

  it('a terminal gets the embedded one, and the first line says so', async () => {
    const cwd = folderOf({});
    const { exitCode, stderr } = await runCli(['env', 'show'], { cwd, columns: 80 });
    expect(exitCode).toBe(0);
    expect(stderr.split('\n')[0]).toMatch(
      `target  pglite:${join(cwd, '.dbops', 'pgdata')}  (embedded PostgreSQL`,
    );
  });

  it('an embedded one that is named works under CI', async () => {
    const surroundings = { environment: { CI: '1', DATABASE_URL: 'pglite:memory' } };
    const { exitCode, stderr } = await runCli(['env', 'show'], surroundings);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^target {2}pglite:memory {2}\(embedded PostgreSQL [\d.]+\)\n$/);
  });
});
