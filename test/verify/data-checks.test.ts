import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { withSession } from '../db/session.ts';
import { app, newestAndEmbedded, servers, withDatabase, type Target } from '../db/targets.ts';
import { folderOf, runCli } from '../cli/run-cli.ts';
import { withProject, writeInto, type Project } from '../migrate/project.ts';

const migrations = {
  '0001_wallets.up.sql': `CREATE TABLE wallet (account text, kind text, active boolean);
    CREATE TABLE tenant ("Name" text PRIMARY KEY);`,
  '0002_later.up.sql': 'CREATE TABLE later (id int)',
};

const finding = z.looseObject({
  code: z.string(),
  severity: z.string(),
  message: z.string(),
  help: z.string(),
  key: z.string(),
});
const document = z.looseObject({
  findings: z.array(finding).default([]),
  counts: z.record(z.string(), z.number()).default({}),
  omitted: z.record(z.string(), z.number()).optional(),
  dataChecks: z.unknown().optional(),
  known: z.number().optional(),
  stale: z.array(z.string()).default([]),
  error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
});

async function verify(project: Project, ...words: string[]) {
  const { exitCode, stdout } = await project.dbops('verify', 'data', '--json', ...words);
  return { exitCode, ...document.parse(JSON.parse(stdout)) };
}

/** A project of one's own with the first migration applied. */
function withWallets(target: Target, test: (project: Project) => Promise<void>): Promise<void> {
  return withProject(target, migrations, async (project) => {
    expect(await project.json('migrate', 'up', '--steps', '1')).toMatchObject({ exitCode: 0 });
    await project.query(`INSERT INTO wallet VALUES ('a/b', 'p', true), ('a', 'b/p', true), ('100%', NULL, true),
      ('quiet', 'p', false), (E'evil\\u001b[31m\\n    error forged', 'p', true)`);
    await test(project);
  });
}

const activeWallets = `-- severity: warning
-- summary: No wallet is active.
-- key: account, kind
-- help: Close it.
SELECT account, kind FROM wallet WHERE active ORDER BY account COLLATE "C"`;

const configured = {
  'inactive-wallet': {
    severity: 'info',
    sql: "SELECT account, 'Wallet of ' || account AS message, 'UPDATE it' AS help FROM wallet WHERE NOT active;",
  },
  misspelt: { sql: 'SELECT *\nFROM walet' },
  smuggled: { sql: 'SELECT 1; DROP TABLE wallet' },
  writes: { sql: 'WITH gone AS (DELETE FROM wallet RETURNING account) SELECT * FROM gone' },
  waiting: { since: '0002_later', sql: 'SELECT id FROM later' },
  keyless: { key: ['nope'], sql: 'SELECT account FROM wallet' },
};

describe.each(newestAndEmbedded)('data checks on $name', (target) => {
  it('make each row a finding with a stable key, and report what does not run', () =>
    withWallets(target, async (project) => {
      writeInto(project.root, {
        'verify/active-wallet.sql': activeWallets,
        'verify/notes.sql': 'SELECT 1',
        'dbops.config.json': JSON.stringify({ checks: configured, schemas: ['public'] }),
      });
      const found = await verify(project);
      expect(found).toMatchObject({ exitCode: 4, dataChecks: { declared: 7, run: 6 } });
      expect(found.findings.map(({ key }) => key)).toEqual([
        'inactive-wallet:quiet',
        'misspelt:error',
        'smuggled:error',
        'writes:error',
        'keyless:error',
        'active-wallet:100%25/%NULL',
        'active-wallet:a/b%2Fp',
        'active-wallet:a%2Fb/p',
        'active-wallet:evil\u001b[31m\n    error forged/p',
      ]);
      expect(found.counts).toEqual({ error: 4, warning: 4, info: 1 });
      const [inactive, misspelt, smuggled, writes, keyless, active] = found.findings;
      expect(inactive).toMatchObject({ message: 'Wallet of quiet', help: 'UPDATE it' });
      expect(misspelt?.message).toMatch(
        /does not run:\n {4}2 \| FROM walet\n {4} {9}\^\n {4}SQLSTATE 42P01: relation "walet" does not exist/,
      );
      expect(smuggled?.message).toContain('several statements');
      expect(writes?.message).toContain('changes rows');
      expect(keyless?.message).toContain('has no column nope');
      expect(active).toMatchObject({
        message: 'No wallet is active: account 100%, kind NULL',
        help: 'Close it.',
      });
      const { stdout, stderr } = await project.dbops('verify', 'data');
      expect(stdout).not.toContain('\u001b');
      expect(stdout).not.toMatch(/^ {4}error forged/m);
      expect(stdout).toContain('data check waiting was not run: 0002_later is not applied');
      expect(stderr).toContain('verify/notes.sql is not a check');
      expect(await project.query('SELECT count(*)::int AS n FROM wallet')).toEqual([{ n: 5 }]);

      const file = join(project.root, 'known.json');
      expect(await verify(project, '--write-baseline', file)).toMatchObject({ exitCode: 0 });
      expect(readFileSync(file, 'utf8')).toContain('"active-wallet:a%2Fb/p"');
      await project.query(`DELETE FROM wallet WHERE account = 'a/b'`);
      expect(await verify(project, '--baseline', file)).toMatchObject({
        exitCode: 0,
        findings: [],
        known: 8,
        stale: ['active-wallet:a%2Fb/p'],
      });
    }));

  it('say that none is declared, and never that all is well', () =>
    withWallets(target, async (project) => {
      const none = await project.dbops('verify', 'data');
      expect(none).toMatchObject({ exitCode: 0 });
      expect(none.stdout).toContain('no data checks are declared');
      expect(none.stdout).not.toContain('✓');
      const all = await project.dbops('verify', 'schema', 'integrity', 'data');
      expect(all.stdout).toContain('no data checks are declared');
      expect(all.stdout).toContain('✓ No problems found (schema, integrity; 1 applied migration)');
    }));

  it('report a reconciliation that does not run, unless a pending migration may create what it names', () =>
    withWallets(target, async (project) => {
      const credits = {
        holders: { from: 'wallet', id: 'account' },
        ledger: {
          from: 'wallet',
          holder: 'account',
          at: 'now()',
          amount: '1',
          equals: { table: 'later', column: 'balance', holder: 'id' },
        },
      };
      writeInto(project.root, { 'dbops.config.json': JSON.stringify({ credits }) });
      expect(await verify(project)).toMatchObject({ exitCode: 0, findings: [] });
      const { stderr } = await project.dbops('verify', 'data');
      expect(stderr).toContain('not checked  reconcile: credits.ledger.equals.table does not run');
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      const { exitCode, findings } = await verify(project);
      expect(exitCode).toBe(4);
      expect(findings).toMatchObject([
        { key: 'reconcile:error', message: expect.stringContaining('column "balance"') },
      ]);
    }));

  it('run in a project without migrations, as seeds, reports and doctor do', () =>
    withDatabase(target, async (url) => {
      await withSession(url, (session) =>
        session.script('CREATE TABLE account (id int PRIMARY KEY, email text UNIQUE)'),
      );
      const cwd = folderOf({
        'dbops.config.json': JSON.stringify({
          seeds: { people: { table: 'account', key: ['id'], rows: [{ id: 1, email: 'a@b.c' }] } },
          usage: {
            subjects: { from: 'account', id: 'id' },
            meters: { rows: { from: 'account', subject: 'id', measure: 'count' } },
          },
          checks: {
            emails: { sql: 'SELECT id FROM account WHERE email IS NULL' },
            later: { since: '0001_later', sql: 'SELECT 1' },
          },
        }),
      });
      const run = (...words: string[]) =>
        runCli(words, { cwd, environment: { DATABASE_URL: url, NO_COLOR: '1' } });
      for (const words of ['doctor', 'seed', 'report usage', 'verify health'])
        expect([words, await run(...words.split(' '))]).toMatchObject([words, { exitCode: 0 }]);
      const later =
        'data check later was not run: it applies since 0001_later, and no migrations were found';
      expect(await run('verify', 'data')).toMatchObject({
        exitCode: 0,
        stdout: `${later}\n✓ No problems found (data)\n`,
      });
      expect(await run('verify')).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(
          `^the schema was not compared: Migrations folder not found: ${join(cwd, 'migrations')}\n${later}\n✓ No problems found.*\\(health, data\\)\n`,
        ),
      });
      for (const words of [['schema'], ['data', '--migrations', 'nowhere']]) {
        const { exitCode, stderr } = await run('verify', ...words);
        expect({ words, exitCode, stderr }).toMatchObject({
          exitCode: 2,
          stderr: expect.stringContaining('FOLDER.MISSING'),
        });
      }
    }));

  it('count the findings beyond the first thousand', () =>
    withWallets(target, async (project) => {
      writeInto(project.root, {
        'verify/many.sql': '-- severity: error\nSELECT n FROM generate_series(1, 100000) n',
        'verify/same.sql': '-- severity: error\nSELECT 1 FROM generate_series(1, 3)',
      });
      const found = await verify(project);
      expect(found).toMatchObject({
        counts: { error: 100_003 },
        omitted: { many: 99_000, same: 2 },
      });
      expect(found.findings).toHaveLength(1_001);
      const { stdout } = await project.dbops('verify', 'data');
      expect(stdout).toContain('99,000 more findings of many are counted and not listed');
      expect(stdout).toContain('2 with the key of a listed one: add columns to its key');
    }));

  it('are rejected with every problem of their declarations at once', () =>
    withWallets(target, async (project) => {
      writeInto(project.root, {
        'verify/a.sql': '-- severity: fatal\n-- timeout: soon\n-- sinc: 0001\nSELECT 1',
        'verify/missing-index.sql': '-- severity: error\nSELECT 1',
      });
      const { error, exitCode } = await verify(project);
      expect(exitCode).toBe(2);
      for (const line of [
        'verify/a.sql: severity: expected one of error, warning, info',
        'verify/a.sql: timeout: expected a duration such as',
        'verify/a.sql: unknown key: sinc',
        'verify/missing-index.sql: the name missing-index belongs to a check of dbops',
      ])
        expect(error?.message).toContain(line);
      writeInto(project.root, {
        'verify/a.sql': '-- severity: error\n-- since: 0009_nowhere\nSELECT 1',
        'verify/missing-index.sql': '',
      });
      expect((await verify(project)).error?.message).toContain('verify/a.sql: since: 0009_nowhere');
    }));
});

describe.each(servers.slice(0, 1))('data checks on $name', (server) => {
  it('end with their timeout as a finding, and do not run for a role that sees only some rows', () =>
    withWallets(server, async (project) => {
      writeInto(project.root, {
        'verify/slow.sql': '-- severity: error\n-- timeout: 200ms\nSELECT pg_sleep(30)',
        'verify/tenants.sql': '-- severity: error\nSELECT * FROM tenant',
      });
      await project.query(`INSERT INTO tenant VALUES ('x')`);
      const found = await verify(project);
      expect(found.findings.map(({ key }) => key)).toEqual(['slow:timeout', 'tenants:x']);
      expect(found.findings[0]?.message).toBe('The check was cancelled after 200 ms.');

      await project.query(`GRANT USAGE ON SCHEMA public, dbops TO app; GRANT SELECT ON ALL TABLES IN SCHEMA public, dbops TO app;
        ALTER TABLE tenant ENABLE ROW LEVEL SECURITY`);
      const asRole = Object.assign(new URL(project.url), {
        username: app.user,
        password: app.password,
      });
      const surroundings = { cwd: project.root, environment: { DATABASE_URL: asRole.href } };
      const refused = await runCli(['verify', 'data'], surroundings);
      expect(refused).toMatchObject({ exitCode: 3 });
      expect(refused.stderr).toContain('DATABASE.ROW_SECURITY');
      await project.query('DROP OWNED BY app');
    }));
});
