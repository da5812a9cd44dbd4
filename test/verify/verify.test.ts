import { appendFileSync, cpSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checks as dataChecks } from '../../src/reference/checks.ts';
import { checks } from '../../src/verify/checks/index.ts';
import { groupWords } from '../../src/verify/definition.ts';
import { folderOf, runCli } from '../cli/run-cli.ts';
import { inTurn, servers, targets } from '../db/targets.ts';
import { organizationId } from '../migrate/project.ts';
import { withSession } from '../db/session.ts';
import { migrated, reference, type Trial } from '../catalog/trial.ts';

/** One thing wrong of each group. */
const damage = `DROP INDEX idx_purchases_created_at;
  ALTER TABLE posts DROP CONSTRAINT posts_status_check;
  ALTER TABLE posts ADD CONSTRAINT posts_status_check CHECK (status IN ('draft', 'published', 'archived')) NOT VALID;
  DELETE FROM plan_features WHERE plan = 'pro' AND feature_key = 'max_seats'`;

const found = {
  schema: ['missing-index idx_purchases_created_at on public.purchases'],
  health: ['constraint-not-validated posts_status_check on public.posts'],
  data: ['plan-features public.plan_features'],
};

/** The same damage without the `health` group, which has a better fix. */
const alone = 'different-constraint posts_status_check on public.posts';

describe.each(targets)('verify on $name', (target) => {
  const it = inTurn(target);
  it('runs the groups that are named, or all of them', () =>
    migrated(target, reference, async ({ sql, findings }) => {
      await sql(damage);
      expect(await findings({ words: ['health'] })).toEqual(found.health);
      expect(await findings({ words: ['data'] })).toEqual(found.data);
      expect(await findings({ words: ['data', 'schema'] })).toEqual([
        alone,
        ...found.schema,
        ...found.data,
      ]);
      expect(await findings()).toEqual(Object.values(found).flat());
    }));

  it('returns the documented JSON, and the same twice', () =>
    migrated(target, reference, async ({ sql, verify }) => {
      const clean = await verify();
      expect(clean.findings?.filter(({ severity }) => severity !== 'info')).toEqual([]);
      expect(clean).toMatchObject({
        exitCode: 0,
        ok: true,
        counts: { error: 0, warning: 0, info: clean.findings?.length },
        target: { kind: target.kind === 'server' ? 'postgres' : 'pglite' },
      });
      await sql(damage);
      const first = await verify();
      expect(first).toMatchObject({
        exitCode: 4,
        ok: false,
        counts: { error: 2, warning: 1 },
      });
      expect(await verify()).toEqual(first);
    }));

  it.each([
    ['edited', (folder: string) => appendFileSync(join(folder, '0002_b.up.sql'), '\n-- edited')],
    ['gone', (folder: string) => rmSync(join(folder, '0002_b.up.sql'))],
  ])('exits with 6 when the file of an applied migration is %s', async (_, change) => {
    const folder = folderOf({ '0001_a.up.sql': 'SELECT 1', '0002_b.up.sql': 'SELECT 2' });
    await migrated(target, folder, async ({ verify }) => {
      change(folder);
      expect(await verify()).toMatchObject({
        exitCode: 6,
        ok: false,
        error: { code: 'TRACKING.DESYNCHRONISED', message: expect.stringContaining('0002_b') },
      });
    });
  });

  it('cannot write, whatever it calls', () =>
    migrated(target, reference, async ({ sql, verify, url }) => {
      await sql(`CREATE TABLE calls (at timestamptz);
        CREATE FUNCTION noted() RETURNS boolean LANGUAGE sql AS 'INSERT INTO public.calls VALUES (now()) RETURNING true';
        ALTER TABLE plan_features RENAME TO kept_features;
        CREATE VIEW plan_features AS SELECT kept_features.* FROM kept_features, noted()`);
      expect(await verify({ words: ['data'] })).toMatchObject({
        exitCode: 4,
        findings: [
          { key: 'plan-features:error', message: expect.stringContaining('SQLSTATE 25006') },
        ],
      });
      expect(await countOf(url, 'calls')).toEqual([{ rows: 0 }]);
    }));
});

describe.each(servers)('verify on $name', (server) => {
  it('reports that row security hides rows, not that they are missing', () =>
    migrated(server, reference, async (trial) => {
      await trial.sql(`GRANT USAGE ON SCHEMA public, dbops TO app;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO app; GRANT SELECT ON dbops.migrations TO app;
        ALTER TABLE plan_features ENABLE ROW LEVEL SECURITY`);
      expect(await asApp(trial, ['verify', 'data'])).toMatchObject({
        exitCode: 3,
        stderr: expect.stringContaining('row-level security policy for table "'),
      });
      expect(await asApp(trial, ['verify', 'schema'])).toMatchObject({ exitCode: 0 });
      await trial.sql('DROP OWNED BY app');
    }));
});

describe('verify', () => {
  // Nothing listens at the port.
  const nowhere = { environment: { DATABASE_URL: 'postgres://127.0.0.1:1/none' } };

  it('lists the checks without a database', async () => {
    const { exitCode, stdout } = await runCli(['verify', '--list', '--json'], nowhere);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      checks: checks.map(({ name, group, severity, isStatic, summary }) => ({
        name,
        group,
        severity,
        runs: isStatic ? 'static' : 'live',
        summary,
      })),
    });
    const printed = await runCli(['verify', '--list'], nowhere);
    for (const { name } of checks) expect(printed.stdout).toContain(name);
  });

  it('explains a check without a database', async () => {
    const printed = await runCli(['verify', '--explain', 'policy-without-rls'], nowhere);
    const { summary, harm, cure, limits, example } =
      checks.find(({ name }) => name === 'policy-without-rls') ?? expect.fail();
    const unwrapped = printed.stdout.replaceAll(/\s+/g, ' ');
    for (const part of [summary, harm, cure, limits, example])
      expect(unwrapped).toContain(part?.replaceAll(/\s+/g, ' '));
    const unknown = await runCli(['verify', '--explain', 'smell'], nowhere);
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stderr).toContain('dbops verify --list');
  });

  it('names the command that lists the groups when it is given an unknown one', async () => {
    const url = ['--database-url', 'pglite:memory', '--migrations', reference];
    const answer = await runCli(['verify', 'schema', 'smell', ...url]);
    expect(answer.exitCode).toBe(2);
    expect(answer.stderr).toContain('smell');
    expect(answer.stderr).toContain('→ List them: dbops verify --list');
  });

  it('reports a migration that does not replay', () =>
    migrated(
      targets[0] ?? expect.fail(),
      copyOf(reference),
      async ({ verify, sql, migrations }) => {
        const file = join(migrations, '0003_content.up.sql');
        const hash = "encode(sha256(convert_to('SELECT 1;', 'UTF8')), 'hex')";
        rmSync(file);
        appendFileSync(file, 'SELECT 1;');
        await sql(`UPDATE dbops.migrations SET hash = ${hash} WHERE name = '0003_content'`);
        const { exitCode, error } = await verify();
        expect(exitCode).toBe(1);
        expect(error?.message.split('\n')).toEqual([
          '0007_tenancy_expand does not run on an empty database, so the expected schema is not known.',
          expect.stringMatching(/0007_tenancy_expand\.up\.sql:\d+$/),
          expect.stringContaining(' | '),
          expect.stringContaining('^'),
          'SQLSTATE 42P01: relation "content_access" does not exist',
        ]);
      },
    ));
});

describe('docs/verify.md', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/verify.md'), 'utf8');

  it('has every group, and every check of the bundled application', () => {
    for (const group of groupWords) expect(page).toContain(`\n| \`${group}\` | `);
    const declared = Object.entries(dataChecks).map(
      ([name, { summary, since }]) => `| \`${name}\` | ${summary} | \`${since}\` |`,
    );
    const lines = ['| check | it asserts | since |', '|---|---|---|', ...declared, ''];
    expect(page).toContain(lines.join('\n'));
  });
});

function countOf(url: string, table: string): Promise<unknown[]> {
  return withSession(url, ({ query }) => query(`SELECT count(*)::int AS rows FROM ${table}`));
}

function asApp({ url, migrations }: Trial, words: string[]) {
  const asRole = new URL(url);
  [asRole.username, asRole.password] = ['app', 's3cret'];
  return runCli([...words, '--database-url', asRole.href, '--migrations', migrations]);
}

function copyOf(folder: string): string {
  const copy = join(folderOf(organizationId), 'migrations');
  cpSync(folder, copy, { recursive: true });
  return copy;
}
