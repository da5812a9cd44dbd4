import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { notCompared } from '../../src/verify/schema-findings.ts';
import { sortFindings } from '../../src/verify/known-findings.ts';
import type { Finding } from '../../src/report.ts';
import { folderOf, runCli } from '../cli/run-cli.ts';
import { newestAndEmbedded, newest } from '../db/targets.ts';
import { migrated } from '../catalog/trial.ts';

const folder = {
  '0001_a.up.sql': 'CREATE TABLE a (id int PRIMARY KEY, n int); CREATE INDEX a_n ON a (n)',
  '0002_b.up.sql': 'ALTER TABLE a ADD COLUMN kind text; ALTER TABLE a ALTER n SET NOT NULL',
  '0003_c.up.sql': 'ALTER TABLE a ADD CHECK (n > 0)',
};
const machinery = {
  '0001_a.up.sql': `CREATE TABLE a (id int PRIMARY KEY, n int);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TRIGGER t BEFORE UPDATE OF n ON a FOR EACH ROW WHEN (NEW.n > 0) EXECUTE FUNCTION f();
    CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING;
    CREATE STATISTICS s (dependencies) ON id, n FROM a;`,
};
const damage = 'DROP INDEX a_n; ALTER TABLE a ALTER n DROP NOT NULL; CREATE INDEX "b*" ON a (kind)';
const index = 'missing-index a_n on public.a';
const column = 'different-column n on public.a';

function findingOf(key: string): Finding {
  return { code: 'x', severity: 'error', message: '', help: '', where: { object: '' }, key };
}

const sorting = { ignore: [], baseline: [], wasChecked: () => true, today: '2026-11-29' };

describe('findings', () => {
  it.each([
    ['extra-index:*', ['missing-index:a', 'extra-table:b']],
    ['*', []],
    ['extra-index:a.c', ['missing-index:a', 'extra-index:abc', 'extra-table:b']],
    ['extra-*:?', ['missing-index:a', 'extra-index:a.c', 'extra-index:abc', 'extra-table:b']],
  ])('ignores what matches %s', (pattern, left) => {
    const keys = ['missing-index:a', 'extra-index:a.c', 'extra-index:abc', 'extra-table:b'];
    const { findings, ignored } = sortFindings(keys.map(findingOf), {
      ...sorting,
      ignore: [pattern],
    });
    expect(findings.map(({ key }) => key)).toEqual(left);
    expect(ignored).toBe(keys.length - left.length);
  });

  it('separates known findings, and stale keys only of checks that ran', () => {
    const sorted = sortFindings([findingOf('a'), findingOf('b')], {
      ...sorting,
      baseline: ['a', 'gone', 'other'].map((key) => ({ key })),
      wasChecked: (key) => key !== 'other',
    });
    expect(sorted).toMatchObject({
      findings: [{ key: 'b' }],
      known: 1,
      ignored: 0,
      stale: ['gone'],
    });
  });
});

describe.each(newestAndEmbedded)('verify on $name', (target) => {
  it(
    'names the last migration that changed an object, and leaves out known findings',
    () =>
      migrated(target, folderOf(folder), async ({ sql, verify, findings }) => {
        await sql(damage);
        const found = await verify();
        const all = found.findings ?? [];
        const failing = all.filter(({ severity }) => severity !== 'info');
        expect(failing.map(({ code, where }) => [code, where.migration])).toEqual([
          ['different-column', '0002_b'],
          ['extra-index', undefined],
          ['missing-index', '0001_a'],
        ]);
        expect(await findings({ words: ['--ignore', 'extra-*'] })).toEqual([column, index]);

        const file = join(folderOf({}), 'known.json');
        expect(await verify({ words: ['--write-baseline', file] })).toMatchObject({ exitCode: 0 });
        expect(await verify({ words: ['--baseline', file] })).toMatchObject({
          exitCode: 0,
          findings: [],
          known: all.length,
          stale: [],
        });
        await sql('CREATE INDEX a_n ON a (n); CREATE TABLE by_hand (id int PRIMARY KEY)');
        expect(await verify({ words: ['--baseline', file] })).toMatchObject({
          exitCode: 4,
          findings: [{ code: 'extra-table' }],
          known: all.length - 1,
          stale: ['missing-index:a_n on public.a'],
        });
        expect(await verify({ words: ['health', '--baseline', file] })).toMatchObject({
          stale: [],
        });
      }),
    90_000,
  );
});

describe.each(newest)('the help on $name', (target) => {
  it(
    'restores triggers, rules, statistics and functions',
    () =>
      migrated(target, folderOf(machinery), async ({ sql, verify, findings }) => {
        await sql(
          'DROP TRIGGER t ON a; DROP RULE r ON a; DROP STATISTICS s; ALTER FUNCTION f COST 7 SECURITY DEFINER',
        );
        const { findings: found = [] } = await verify({ words: ['schema'] });
        expect(found).toHaveLength(4);
        await sql(found.map(({ help }) => help.slice(help.indexOf(': ') + 2)));
        expect(await findings()).toEqual([]);
      }),
    90_000,
  );
});

describe('verify', () => {
  const answerOf = (...words: string[]) =>
    runCli([
      'verify',
      '--database-url',
      'pglite:memory',
      '--migrations',
      folderOf(folder),
      ...words,
    ]);

  it.each([
    ['does not exist', undefined],
    ['is not JSON', 'x'],
    ['has another shape', '{"findings": ["a"]}'],
  ])('rejects a baseline that %s', async (_, content) => {
    const file = join(folderOf({}), 'known.json');
    if (content !== undefined) writeFileSync(file, content);
    const { exitCode, stderr } = await answerOf('--baseline', file);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`dbops verify --write-baseline ${file}`);
  });

  it('lists what it does not compare with --verbose, as docs/verify.md does', async () => {
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/verify.md'), 'utf8');
    const prose = page.replaceAll(/\s+/g, ' ');
    const { stderr } = await answerOf('--verbose');
    for (const line of notCompared) {
      expect(prose).toContain(line);
      expect(stderr).toContain(line);
    }
    expect((await answerOf()).stderr).not.toContain(notCompared[0]);
  });
});
