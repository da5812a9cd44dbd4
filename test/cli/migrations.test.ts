import { describe, expect, it } from 'vitest';
import { inTurn, targets, withDatabase, type Target } from '../db/targets.ts';
import { withSession } from '../db/session.ts';

import { folderOf, runCli, type Answer } from './run-cli.ts';

type Files = Record<string, string>;

/** Files of `migrations/`, with a down file for every up file. */
function pairs(ups: Files): Files {
  const entries = Object.entries(ups).flatMap(([name, sql]) => [
    [`migrations/${name}.up.sql`, sql],
    [`migrations/${name}.down.sql`, 'SELECT 1;'],
  ]);
  return Object.fromEntries(entries);
}

const tables = (...names: string[]) =>
  pairs(Object.fromEntries(names.map((name) => [name, `CREATE TABLE t${name} (id int);`])));

interface Trial {
  url: string;
  dbops(files: Files, words: string): Promise<Answer>;
}

/** Command lines on a database of their own, each in a folder with these files. */
function trial(target: Target, test: (trial: Trial) => Promise<void>): Promise<void> {
  return withDatabase(target, (url) =>
    test({
      url,
      dbops: (files, words) =>
        runCli([...words.split(' '), '--database-url', url], { cwd: folderOf(files) }),
    }),
  );
}

/** The tables of the schema `public`. */
function tablesOf(url: string): Promise<string[]> {
  return withSession(url, async (session) => {
    const rows = await session.query<{ name: string }>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    );
    return rows.map(({ name }) => name);
  });
}

/** Runs `migrate up` on the files and expects that nothing was tried. */
async function expectRefused(target: Target, files: Files): Promise<string> {
  let refusal = '';
  await trial(target, async ({ url, dbops }) => {
    const { exitCode, stderr } = await dbops(files, 'migrate up');
    expect(exitCode).toBe(2);
    expect(await tablesOf(url)).toEqual([]);
    refusal = stderr;
  });
  expect(refusal).toMatch(/→ ./);
  return refusal;
}

const [first] = targets;

describe.runIf(first)(
  'a folder that cannot be run exits with 2 and leaves the database alone',
  () => {
    const refused = (files: Files) => expectRefused(first as Target, files);

    it('when it is missing', async () => {
      expect(await refused({})).toMatch(
        /Migrations folder not found: .*migrations.*\n.*dbops migrate new NAME/,
      );
    });

    it('when it is empty', async () => {
      const stderr = await refused({ 'migrations/.gitkeep': '' });
      expect(stderr).toMatch(/migrations/);
      expect(stderr).toContain('--migrations DIR');
    });

    it('when a number is used twice', async () => {
      const stderr = await refused(tables('0001_a', '0002_b', '0002_c'));
      expect(stderr).toContain('0002_b\n');
      expect(stderr).toContain('0002_c\n');
      expect(stderr).toContain('Rename the newer one');
    });

    it('when a directive is unknown', async () => {
      const stderr = await refused(
        pairs({ '0001_a': 'CREATE TABLE a ();', '0002_b': '-- dbops: no-transactoin\nSELECT 1;' }),
      );
      expect(stderr).toContain('0002_b has an unknown directive: no-transactoin');
      expect(stderr).toContain('Use no-transaction, ');
    });

    it.each([
      ['BEGIN;\nCREATE TABLE b ();\nCOMMIT;', 'line 1'],
      ['CREATE TABLE b ();\nCOMMIT;', 'line 2'],
      ['-- dbops: no-transaction\nCREATE TABLE b ();\nROLLBACK;', 'line 3'],
    ])('when a file controls the transaction: %j', async (sql, line) => {
      const stderr = await refused(pairs({ '0001_b': sql }));
      expect(stderr).toContain(line);
      expect(stderr).toContain('Remove BEGIN and COMMIT');
    });

    it('when --to names no migration, and lists those that there are', async () => {
      await trial(first as Target, async ({ url, dbops }) => {
        const folder = tables('0001_a', '0002_b');
        const unknown = await dbops(folder, 'migrate up --to 0003_c');
        expect(unknown.exitCode).toBe(2);
        expect(unknown.stderr).toContain('Migration not found: 0003_c\u0020');
        expect(unknown.stderr).toMatch(/ {2}0001_a\n {2}0002_b\n/);
        expect(await tablesOf(url)).toEqual([]);
      });
    });
  },
);

describe.each(targets)('migrate up on $name', (target) => {
  const it = inTurn(target);
  it('stops at a syntax error: two stand, two are not run', async () => {
    await trial(target, async ({ url, dbops }) => {
      const files = {
        ...tables('0001_a', '0002_b', '0004_d', '0005_e'),
        ...pairs({ '0003_c': 'CREATE TABLE c (id int);\n-- größer 🐘\nCREATE TABEL d ();\n' }),
      };
      const { exitCode, stdout, stderr } = await dbops(files, 'migrate up --json');
      expect(exitCode).toBe(1);
      const answer = JSON.parse(stdout);
      expect(answer).toMatchObject({
        ok: false,
        migrations: [
          { name: '0001_a', state: 'done' },
          { name: '0002_b', state: 'done' },
          { name: '0003_c', state: 'failed' },
          { name: '0004_d', state: 'not-run' },
          { name: '0005_e', state: 'not-run' },
        ],
        error: { code: 'MIGRATION.FAILED', hint: expect.stringMatching(/then: dbops migrate up$/) },
      });
      const { message } = answer.error;
      expect(message).toContain('0003_c.up.sql:3');
      expect(message).toContain('3 | CREATE TABEL d ();\n           ^');
      expect(message).toContain('SQLSTATE 42601');
      expect(message).toContain('the database is as it was before this file');
      expect(stderr).not.toContain('SQLSTATE');
      expect(await tablesOf(url)).toEqual(['t0001_a', 't0002_b']);
    });
  });

  it('continues where it stopped when the file is corrected', async () => {
    await trial(target, async ({ url, dbops }) => {
      const broken = { ...tables('0001_a', '0003_c'), ...pairs({ '0002_b': 'CREATE TABEL b;' }) };
      const { exitCode, stdout } = await dbops(broken, 'migrate up');
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(
        /✓ 0001_a.*\n✗ 0002_b\n– 0003_c {2}not run\n1 of 3 migrations applied\n/,
      );
      expect((await dbops(tables('0001_a', '0002_b', '0003_c'), 'migrate up')).exitCode).toBe(0);
      expect(await tablesOf(url)).toEqual(['t0001_a', 't0002_b', 't0003_c']);
    });
  });

  it('names the statement of an error that has no position', async () => {
    await trial(target, async ({ dbops }) => {
      const files = pairs({
        '0001_rows': 'CREATE TABLE a (b int);\nINSERT INTO a VALUES (NULL);',
        '0002_null': 'SELECT 1;\n\nSELECT 2;\nALTER TABLE a\n  ALTER COLUMN b SET NOT NULL;',
      });
      const { exitCode, stderr } = await dbops(files, 'migrate up');
      expect(exitCode).toBe(1);
      expect(stderr).toContain('0002_null.up.sql:4');
      expect(stderr).toContain('4 | ALTER TABLE a\n      ^');
      expect(stderr).toContain('SQLSTATE 23502');
    });
  });

  it('says which directive CREATE INDEX CONCURRENTLY needs', async () => {
    await trial(target, async ({ url, dbops }) => {
      const index = 'CREATE INDEX CONCURRENTLY i ON t0001_a (id);';
      const files = (sql: string) => ({ ...tables('0001_a'), ...pairs({ '0002_i': sql }) });
      const refused = await dbops(files(index), 'migrate up');
      expect(refused.exitCode).toBe(1);
      expect(refused.stderr).toContain('25001');
      expect(refused.stderr).toMatch(
        /→ Put "-- dbops: no-transaction" on the first line of .*0002_i/,
      );
      const mended = await dbops(files(`-- dbops: no-transaction\n${index}`), 'migrate up');
      expect(mended.exitCode).toBe(0);
      expect(await tablesOf(url)).toEqual(['t0001_a']);
    });
  });

  it.each([
    ['a command of psql', '\\set x 1\nSELECT 1;'],
    ['rows after COPY FROM STDIN', 'CREATE TABLE a (b int);\nCOPY a FROM STDIN;\n1\n\\.\n'],
  ])('refuses %s before anything runs, and does not wait for input', async (_, sql) => {
    await trial(target, async ({ url, dbops }) => {
      const { exitCode, stderr } = await dbops(pairs({ '0001_psql': sql }), 'migrate up');
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/0001_psql .*\(line \d/);
      expect(await tablesOf(url)).toEqual([]);
    });
  });
});

describe.runIf(first)('what no migration can do', () => {
  it.each([
    ['MIGRATION.COPY', 'CREATE TABLE a (b int);\nCOPY a FROM STDIN;'],
    ['MIGRATION.TRANSACTION_CONTROL', 'CREATE TABLE a (b int);\nCOMMIT;'],
  ])('is refused before the first file is run: %s', async (code, sql) => {
    await trial(first as Target, async ({ url, dbops }) => {
      const files = { ...tables('0001_a', '0002_b'), ...pairs({ '0003_c': sql }) };
      const { exitCode, stderr } = await dbops(files, 'migrate up');
      expect(exitCode).toBe(2);
      expect(stderr).toContain(code);
      expect(stderr).toContain('line 2');
      expect(await tablesOf(url)).toEqual([]);
    });
  });
});

describe.runIf(first)('folder and tracking table', () => {
  it.each(['migrate up', 'migrate down', 'verify schema'])(
    'refuses with 6 to act on a lie: %s',
    async (words) => {
      await trial(first as Target, async ({ url, dbops }) => {
        await dbops(tables('0001_a', '0002_b'), 'migrate up');
        const edited = { ...tables('0002_b'), ...pairs({ '0001_a': 'CREATE TABLE other ();' }) };
        const lie = await dbops(edited, words);
        expect(lie.exitCode).toBe(6);
        expect(lie.stderr).toContain('0001_a: edited after it was applied');
        expect(lie.stderr).toContain('dbops migrate new NAME');
        const gone = await dbops(tables('0001_a'), words);
        expect(gone.exitCode).toBe(6);
        expect(gone.stderr).toContain('0002_b: applied, but its file no longer exists');
        expect(await tablesOf(url)).toEqual(['t0001_a', 't0002_b']);
      });
    },
  );

  it('takes line endings of Windows and a BOM for no edit', async () => {
    await trial(first as Target, async ({ dbops }) => {
      await dbops(pairs({ '0001_a': 'SELECT 1;\nSELECT 2;\n' }), 'migrate up');
      const windows = pairs({ '0001_a': '\uFEFFSELECT 1;\r\nSELECT 2;\r\n' });
      expect((await dbops(windows, 'migrate status --check')).exitCode).toBe(0);
    });
  });

  it('applies no late migration unless it is asked to', async () => {
    await trial(first as Target, async ({ url, dbops }) => {
      await dbops(tables('0001_a', '0003_c'), 'migrate up');
      const late = tables('0001_a', '0002_b', '0003_c');
      const refused = await dbops(late, 'migrate up');
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toContain('0002_b');
      expect(refused.stderr).toContain('dbops migrate up --allow-out-of-order');
      expect(await tablesOf(url)).toEqual(['t0001_a', 't0003_c']);
      expect((await dbops(late, 'migrate up --allow-out-of-order')).exitCode).toBe(0);
      expect(await tablesOf(url)).toEqual(['t0001_a', 't0002_b', 't0003_c']);
    });
  });

  it('reports with --check what is pending (5) and what disagrees (6)', async () => {
    await trial(first as Target, async ({ dbops }) => {
      const files = tables('0001_a');
      expect((await dbops(files, 'migrate status --check')).exitCode).toBe(5);
      await dbops(files, 'migrate up');
      expect((await dbops(files, 'migrate status --check')).exitCode).toBe(0);
      const edited = pairs({ '0001_a': 'SELECT 2;' });
      expect((await dbops(edited, 'migrate status --check')).exitCode).toBe(6);
    });
  });
});
