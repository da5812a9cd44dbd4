import { describe, expect } from 'vitest';
import { DbopsError, migrate, report, seed, verify, type Options } from '../../src/index.ts';
import { inTurn, newest, servers, targets, withDatabase, type Target } from '../db/targets.ts';
import { migrated } from '../seed/database.ts';
import { folderOf, runCli } from '../cli/run-cli.ts';
import {
  tracked,
  untilRunning,
  withClient,
  withProject,
  writeInto,
  type Project,
} from '../migrate/project.ts';

const files = {
  '0001_a.up.sql': 'CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)',
  '0002_b.up.sql': 'CREATE TABLE b (id int PRIMARY KEY)',
};

/** Options that leave out the environment and the home of whoever runs the tests. */
const optionsOf = ({ url, root }: Project): Options => ({
  databaseUrl: url,
  cwd: root,
  environment: {},
});

/** Returns what the function throws. */
async function refusal(work: Promise<unknown>): Promise<DbopsError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DbopsError) return error;
  throw new Error('no DbopsError was thrown', { cause: error });
}

describe.each(targets)('the API on $name', (target) => {
  const it = inTurn(target);

  it('applies, lists, verifies and rolls back migrations', () =>
    withProject(target, files, async (project) => {
      const options = optionsOf(project);
      const up = await migrate.up({ ...options, steps: 1, wait: 1_000 });
      expect(up).toMatchObject({ command: 'migrate up', ok: true });
      expect(up.migrations).toMatchObject([{ name: '0001_a', direction: 'up', state: 'done' }]);
      const { counts, migrations } = await migrate.status(options);
      expect(counts).toMatchObject({ applied: 1, pending: 1 });
      expect(migrations[0]?.appliedAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
      expect(await migrate.status({ ...options, check: true })).toMatchObject({ ok: false });
      expect(await verify({ ...options, groups: ['schema'] })).toMatchObject({ findings: [] });
      const down = await migrate.down(options);
      expect(down.migrations[0]?.rollback).toMatchObject({ source: 'derived', proven: true });
      expect(await project.query(`SELECT to_regclass('a') AS a`)).toEqual([{ a: null }]);
    }));

  it('returns the document that the command prints', () =>
    migrated(target, async (trial) => {
      const options = { databaseUrl: trial.url, environment: {} };
      const seeded = await seed(options);
      expect(seeded.created['users']).toBeGreaterThan(0);
      const asOf = '2026-11-20T00:00:00Z';
      const documents = {
        'seed --check': await seed({ ...options, check: true }),
        'verify data': await verify({ ...options, groups: ['data'] }),
        'migrate status': await migrate.status(options),
        [`report usage --as-of ${asOf}`]: await report.usage({ ...options, asOf: new Date(asOf) }),
        [`report credits --as-of ${asOf}`]: await report.credits({ ...options, asOf }),
        [`report ledger --as-of ${asOf}`]: await report.ledger({ ...options, asOf }),
        'report reconcile': await report.reconcile(options),
      };
      const slugs = 'SELECT slug FROM organizations ORDER BY 1';
      expect(await report.sql({ ...options, sql: slugs, limit: 1 })).toMatchObject({
        command: 'report sql',
        ok: true,
        columns: [{ key: 'slug' }],
        rows: [{ slug: expect.any(String) }],
        truncated: true,
      });
      for (const [line, document] of Object.entries(documents)) {
        const words = [...line.split(' '), '--json', '--database-url', trial.url];
        const { stdout } = await runCli(words, { cwd: process.cwd() });
        expect(document).toEqual(JSON.parse(stdout));
      }
    }));

  it('returns the rows of a query and of a declared report, and prints none', () =>
    withProject(target, files, async (project) => {
      writeInto(project.root, {
        'reports/numbers.sql':
          '-- title: Numbers\n-- param most: integer\nSELECT generate_series(1, :most) AS n',
      });
      const printed: string[] = [];
      const options = { ...optionsOf(project), log: (line: string) => void printed.push(line) };
      const all = await report.named({
        ...options,
        name: 'numbers',
        params: { most: 10_001 },
        all: true,
      });
      expect(all).toMatchObject({ command: 'report', title: 'Numbers', truncated: false });
      expect(all.rows.at(-1)).toEqual({ n: 10_001 });
      const sql = '-- param at: time\nSELECT :at AS at, 9007199254740993 AS big, 1.50 AS amount';
      expect((await report.sql({ ...options, sql, params: { at: new Date(0) } })).rows).toEqual([
        { at: '1970-01-01T00:00:00Z', big: 9007199254740993n, amount: '1.50' },
      ]);
      expect(printed.filter((line) => !line.startsWith('target'))).toEqual([]);
      expect(await refusal(report.sql({ ...options, sql: 'DELETE FROM a' }))).toMatchObject({
        exitCode: 2,
      });
      const page = { ...options, sql: 'SELECT 1', html: 'page.html' };
      expect(await refusal(report.sql(page))).toMatchObject({ message: 'Unknown option: html.' });
    }));

  it('throws an error with what was applied before it', () =>
    withProject(target, { ...files, '0002_b.up.sql': 'CREATE TABLE a ()' }, async (project) => {
      const error = await refusal(migrate.up(optionsOf(project)));
      expect(error).toMatchObject({
        name: 'DbopsError',
        exitCode: 1,
        message: expect.stringContaining('0002_b'),
        reason: expect.arrayContaining([expect.stringContaining('already exists')]),
        hint: expect.stringContaining('dbops migrate up'),
        document: { ok: false, migrations: [{ state: 'done' }, { state: 'failed' }] },
      });
      expect(await tracked(project)).toEqual(['0001_a']);
    }));

  it('refuses an option that does not exist, or a URL without a value, and changes nothing', () =>
    withProject(target, files, async (project) => {
      const options = optionsOf(project);
      const misspelt = { ...options, dryrun: true };
      expect(await refusal(migrate.up(misspelt))).toMatchObject({
        code: 'USAGE',
        message: 'Unknown option: dryrun.',
      });
      const environment = { DATABASE_URL: project.url };
      const unset: Options = { ...options, environment };
      Reflect.set(unset, 'databaseUrl', undefined); // a variable that is not set
      expect(await refusal(migrate.up(unset))).toMatchObject({ code: 'TARGET.MISSING' });
      const { reason } = await refusal(migrate.up({ ...options, steps: 0, wait: -1 }));
      expect(reason).toEqual([
        '--steps: expected a whole number of at least 1',
        '--wait: expected a duration such as 500ms, 2s or 5m',
      ]);
      expect(await project.query(`SELECT to_regclass('a') AS a`)).toEqual([{ a: null }]);
    }));

  it('reads the given environment and passes on the lines that the command would print', () =>
    withProject(target, files, async ({ url, root }) => {
      const lines: string[] = [];
      const environment = { DATABASE_URL: url, FORCE_COLOR: '1' };
      await migrate.up({ cwd: root, environment, log: (line) => lines.push(line) });
      expect(lines).toEqual([
        expect.stringMatching(/^target {2}(?:pglite|postgres):.* 1[58]\.\d+\)$/),
        expect.stringMatching(/^✓ 0001_a {2}\d+ ms$/),
        expect.stringMatching(/^✓ 0002_b {2}\d+ ms$/),
      ]);
      expect(await refusal(migrate.up({ cwd: root, environment: {} }))).toMatchObject({
        code: 'TARGET.MISSING',
        exitCode: 2,
      });
    }));
});

describe.each(newest)('a process that calls the API on $name', (server: Target) => {
  const it = inTurn(server, newest);

  it('refuses a module that was edited after it was loaded, instead of running the old one', () =>
    withProject(server, {}, async (project) => {
      const creating = (table: string) =>
        `export const up = (db) => db.schema.createTable('${table}').execute();
         export const down = (db) => db.schema.dropTable('${table}').execute();`;
      project.write({ '0001_a.mjs': creating('a') });
      const options: Options = { ...optionsOf(project), format: 'kysely' };
      await migrate.up(options);
      await migrate.down(options);
      project.write({ '0001_a.mjs': creating('b') });
      const error = await refusal(migrate.up(options));
      expect(error).toMatchObject({ code: 'MIGRATION.MODULE_CHANGED', exitCode: 2 });
      expect(await project.query(`SELECT to_regclass('a') AS a`)).toEqual([{ a: null }]);
    }));
});

describe.each(servers)('several instances on $name', (server) => {
  const it = inTurn(server, servers);

  it('that start at once apply each migration once, and all of them succeed', () =>
    withProject(server, files, async (project) => {
      const other = project.start('migrate', 'up').answer;
      const calls = Array.from({ length: 4 }, () => migrate.up(optionsOf(project)));
      const runs = await Promise.all(calls);
      expect(await other).toMatchObject({ exitCode: 0 });
      expect(runs.map(({ ok }) => ok)).toEqual([true, true, true, true]);
      expect(await tracked(project)).toEqual(['0001_a', '0002_b']);
      expect(await project.query('SELECT count(*)::int AS rows FROM a')).toEqual([{ rows: 1 }]);
    }));

  it('stop at a safe point when their signal is aborted', () =>
    withProject(server, { '0001_a.up.sql': 'SELECT pg_sleep(60)' }, async (project) => {
      const controller = new AbortController();
      const run = refusal(migrate.up({ ...optionsOf(project), signal: controller.signal }));
      await withClient(project.url, (client) => untilRunning(client, '%pg_sleep(60)%'));
      controller.abort();
      expect(await run).toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
      const again = migrate.up({ ...optionsOf(project), signal: controller.signal });
      expect(await refusal(again)).toMatchObject({ code: 'INTERRUPTED' });
    }));
});

describe.each(newest)('errors of the API on $name', (server: Target) => {
  const it = inTurn(server, newest);

  it('never contain the password, even where a migration prints it', () =>
    withDatabase(server, async (url) => {
      const withSecret = new URL(url);
      withSecret.password = 'hush-hush';
      const cwd = folderOf({ 'migrations/0001_a.up.sql': `SELECT 'hush-hush'::int` });
      const error = await refusal(
        migrate.up({ databaseUrl: withSecret.href, cwd, environment: {} }),
      );
      const shown = JSON.stringify([error, error.message, error.stack, error.document]);
      expect(shown).toContain('****');
      expect(shown).not.toContain('hush-hush');
    }));
});
