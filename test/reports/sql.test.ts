import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { runCli, runShell, folderOf, program } from '../cli/run-cli.ts';
import { createDatabase, newest, newestAndEmbedded, type Database } from '../db/targets.ts';
import { withSession } from '../db/session.ts';

const hostile = `E'=cmd|\\u001b[31m<b>"x"</b>, [a](b) * _\\n\\u202Eend'`;

const schema = `
  CREATE TABLE sale (id int8 PRIMARY KEY, day date, amount numeric(12, 2), note text, at timestamptz, paid bool, extra jsonb);
  INSERT INTO sale VALUES
    (1, '2026-11-01', 10.50, 'first', '2026-11-01 12:00:00.5+01', true, '{"n": 9007199254740993}'),
    (9007199254740993, '2026-11-02', -3, ${hostile}, NULL, false, NULL),
    (3, '2026-12-01', 'NaN', '', NULL, NULL, '[1]');
  CREATE TABLE written (id int);
  CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'INSERT INTO public.written VALUES (1) RETURNING id';`;

const files = {
  'migrations/.keep': '',
  'reports/sales.sql': `-- title: Sales of a month
-- param month: date -- its first day
-- param at_least: number = 0 -- the smallest amount
-- param word: text = it's :month
SELECT id, day, amount, :word AS word, ':month' AS "text", day::text AS "day", (ARRAY[1, 2, 3])[1:2] AS part /* :month */
  FROM sale WHERE day >= :month AND day < :month + interval '1 month' AND amount >= :at_least ORDER BY id;`,
  'reports/notes.sql': 'SELECT 1',
  'every.sql': 'SELECT * FROM sale ORDER BY id',
  'dbops.config.json': JSON.stringify({
    reports: {
      words: { title: 'Words', sql: 'SELECT note AS "a|<b>" FROM sale ORDER BY id' },
      broken: { sql: 'SELECT *\n  FROM sale s\n  WHERE s.nope = :x', params: { x: 'integer' } },
      undeclared: { sql: 'SELECT :x' },
    },
  }),
};

/** Values that the server and JSON write differently, and hostile ones. */
const values = {
  int8: ['-9223372036854775808', '9007199254740993', '0'],
  oid: ['4294967295'],
  float8: ['1e20', '1e-7', '1e15', '9007199254740993', '-0', '0.1', '5e-324', 'NaN', '-Infinity'],
  float4: ['0.1', '16777217', '1e-10', '3.4e38'],
  numeric: ['10.50', 'NaN', '123456789012345678901234567890'],
  bool: ['t', 'f'],
  date: ['2026-11-01', '0044-03-15 BC', 'infinity'],
  timestamp: ['2026-11-01 12:00', '2026-11-01 12:00:00.000001', '12026-01-01', '0044-03-15 BC'],
  timestamptz: [
    '2026-11-01 12:00:00.5+01',
    '12026-01-01 00:00:00+00',
    '0044-03-15 BC',
    '-infinity',
  ],
  bytea: [String.raw`\x00ff5c`],
  jsonb: [String.raw`{"b": [1.50, 9007199254740993, "\u0085\t"], "a": null}`, '"x"'],
  'text[]': [String.raw`{"a\\b","c\"d",NULL}`],
  text: [
    '',
    String.raw`\N`,
    'NULL',
    '"quoted"',
    String.raw`C:\new`,
    'a\tb\nc\r\b\f\v',
    'grün 東京 🎉',
    '“quotes” – § °',
    '\u0001\u001b[31m\u007f',
    'c1 \u0085',
    'bidi \u202e\u2066',
    '\u2028',
    'postgres://user:secret@host/database',
  ],
};
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
const everyValue = `SELECT ${Object.entries(values)
  .map(([type, all]) => `(ARRAY[${all.map(literal).join(', ')}])[n]::${type} AS "${type} \\ ""q"""`)
  .join(',\n')} FROM generate_series(1, 14) n`;

/** The rows of a document, with numbers as they are written. */
function exactly(document: string): unknown {
  const keep = (_key: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' ? `number ${source}` : value;
  const parsed = (JSON.parse as (text: string, reviver: typeof keep) => unknown)(document, keep);
  return z.object({ rows: z.array(z.unknown()) }).parse(parsed).rows;
}

describe.each(newestAndEmbedded)('reports of one’s own on $name', (target) => {
  let database: Database;
  const cwd = folderOf(files);
  const dbops = (line: string | string[], stdin?: string) =>
    runCli(typeof line === 'string' ? line.split(' ') : line, {
      cwd,
      environment: { DATABASE_URL: database.url },
      ...(stdin !== undefined && { input: stdin }),
    });
  const json = async (line: string | string[], stdin?: string) => {
    const { exitCode, stdout } = await dbops([line, '--json'].flat().join(' ').split(' '), stdin);
    const document: unknown = JSON.parse(stdout);
    return { exitCode, document };
  };

  beforeAll(async () => {
    database = await createDatabase(target);
    await withSession(database.url, (session) => session.script(schema));
  });
  afterAll(() => database.drop());

  it('run with typed parameters, which are values and never SQL', async () => {
    const { exitCode, document } = await json('report sales --param month=2026-11-01 at_least=0.5');
    expect({ exitCode, document }).toMatchObject({
      exitCode: 0,
      document: {
        command: 'report',
        ok: true,
        title: 'Sales of a month',
        columns: [
          { key: 'id', label: 'id', type: 'bigint' },
          { key: 'day', type: 'date' },
          { key: 'amount', type: 'numeric(12,2)' },
          { key: 'word', type: 'text' },
          { key: 'text', type: 'text' },
          { key: 'day_2', label: 'day', type: 'text' },
          { key: 'part', type: 'integer[]' },
        ],
        rows: [
          {
            id: 1,
            day: '2026-11-01',
            amount: '10.50',
            word: "it's :month",
            text: ':month',
            part: '{1,2}',
          },
        ],
        truncated: false,
      },
    });
  });

  it('list every problem of the parameters, and what they are', async () => {
    const answer = await dbops('report sales --param month=tomorrow size=2 at_least');
    expect(answer).toMatchObject({ exitCode: 2, stdout: '' });
    for (const line of [
      'month: expected a day such as 2026-11-20',
      'size: reports/sales.sql has no such parameter',
      'at_least: expected NAME=VALUE',
      '→ Parameters: --param month=DATE --param [at_least=NUMBER] --param [word=TEXT]',
    ])
      expect(answer.stderr).toContain(line);
    expect((await dbops('report undeclared')).stderr).toContain('-- param x: text');
  });

  it('show the place of an error in the SQL as it is written', async () => {
    const { exitCode, stderr } = await dbops('report broken --param x=1');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('reports.broken does not run on this database');
    expect(stderr).toContain('  3 |   WHERE s.nope = :x\n              ^');
    expect(stderr).toContain('SQLSTATE 42703');
  });

  it('are listed with those of dbops; an unknown name lists them too', async () => {
    const { document } = await json('report list');
    expect(document).toMatchObject({
      reports: [
        { name: 'usage', needs: 'usage', available: false },
        { name: 'credits' },
        { name: 'ledger' },
        { name: 'reconcile' },
        { name: 'words', origin: 'reports.words' },
        { name: 'broken' },
        { name: 'undeclared' },
        { name: 'sales', params: [{ name: 'month', type: 'date', help: 'its first day' }, {}, {}] },
      ],
    });
    expect((await dbops('report list')).stdout).toContain('reports/notes.sql is not a report');
    for (const [line, reason] of [
      ['report churn', 'Unknown report: churn.'],
      ['report notes', 'reports/notes.sql has no line -- title:'],
      ['report --param a=b', 'No report given.'],
    ] as const) {
      const { exitCode, stderr } = await dbops(line);
      expect({ line, exitCode }).toEqual({ line, exitCode: 2 });
      expect(stderr).toContain(reason);
      expect(stderr).toContain('reconcile, words, broken, undeclared, sales');
    }
  });

  it('print the values of every type in each form, and hostile text in none', async () => {
    const { document } = await json('report sql every.sql');
    expect(document).toMatchObject({
      command: 'report sql',
      rows: [
        { id: 1, at: '2026-11-01T11:00:00.5Z', paid: true, amount: '10.50' },
        { id: 3, paid: null, amount: 'NaN', note: '', extra: [1] },
        { amount: '-3.00' },
      ],
    });
    const raw = (await dbops('report sql every.sql --json')).stdout;
    expect(raw).toContain('"id": 9007199254740993');
    expect(raw).toContain('"n": 9007199254740993');

    const csv = (await dbops('report sql every.sql --csv')).stdout;
    expect(csv.split('\r\n')).toEqual([
      'id,day,amount,note,at,paid,extra',
      '1,2026-11-01,10.50,first,2026-11-01 11:00:00.5+00,t,"{""n"": 9007199254740993}"',
      '3,2026-12-01,NaN,"",,,[1]',
      `9007199254740993,2026-11-02,-3.00,"'=cmd|<b>""x""</b>, [a](b) * _\nend",,f,`,
      '',
    ]);
    const table = (await dbops('report words')).stdout;
    expect(table).toMatch(/^Words\na\|<b>\nfirst\n\n=cmd\|<b>"x"<\/b>, \[a\]\(b\) \* _\\nend\n$/);
    const markdown = (await dbops('report words --markdown')).stdout;
    expect(markdown.split('\n').slice(0, 5)).toEqual([
      '**Words**',
      '',
      String.raw`| a\|&lt;b&gt; |`,
      '| --- |',
      '| first |',
    ]);
    expect(markdown).toContain(String.raw`| =cmd\|&lt;b&gt;"x"&lt;/b&gt;, \[a\](b) \* \_\\nend |`);
  });

  it('read the first rows only, unless more are asked for', async () => {
    const many = 'SELECT n, NULL AS empty FROM generate_series(1, 25000) n ORDER BY n';
    const first = await json('report sql -', many);
    expect(first.document).toMatchObject({ truncated: true });
    expect(first.document).toHaveProperty('rows.length', 1_000);
    const text = await dbops('report sql - --limit 2', many);
    expect(text.stdout).toContain('only the first 2 rows are shown');
    const csv = await dbops('report sql - --csv --limit 2', many);
    expect(csv).toMatchObject({ stdout: 'n,empty\r\n1,\r\n2,\r\n' });
    expect(csv.stderr).toContain('only the first 2 rows are shown');
    const all = await json('report sql - --all', many);
    expect(all.document).toMatchObject({ ok: true, truncated: false });
    expect(all.document).toHaveProperty('rows.length', 25_000);
    expect(all.document).toHaveProperty('rows[24999].n', 25_000);
    const markdown = await dbops('report sql - --all --markdown', many);
    expect(markdown.stdout.split('\n')).toHaveLength(25_003);
    expect((await dbops('report sql - --csv --all', many)).stdout.split('\r\n')).toHaveLength(
      25_002,
    );
  });

  it('end a document that is printed in part with the error', async () => {
    const late = 'SELECT 100 / (20000 - n) AS n FROM generate_series(1, 30000) n';
    const { exitCode, document } = await json('report sql - --all', late);
    expect({ exitCode, document }).toMatchObject({
      exitCode: 1,
      document: { ok: false, truncated: true, error: { code: 'REPORT.FAILED' } },
    });
    const { rows } = z.object({ rows: z.array(z.unknown()) }).parse(document);
    // An embedded database is read in batches of 1,000 rows.
    expect([19_000, 19_999]).toContain(rows.length);
    expect(rows[18_999]).toEqual({ n: 0 });
  });

  it('print the same values as they arrive as when they are held', async () => {
    const reordered =
      'SELECT n AS b, n AS "1", n AS b, NULL AS "__proto__" FROM generate_series(1, 3) n';
    for (const sql of [everyValue, reordered, 'SELECT']) {
      const held = await dbops('report sql - --json', sql);
      const streamed = await dbops('report sql - --json --all', sql);
      expect(streamed.exitCode).toBe(0);
      expect(exactly(streamed.stdout)).toEqual(exactly(held.stdout));
      expect(streamed.stdout).not.toMatch(/[\u007f-\u009f\u202e\u2066]|secret/);
    }
  });

  it.each([
    ['INSERT INTO written VALUES (1)', 'it is not a SELECT'],
    ['SELECT 1; COMMIT; DROP TABLE sale', 'it contains several statements'],
    ['WITH w AS (INSERT INTO written VALUES (1) RETURNING id) SELECT * FROM w', 'it changes rows'],
    ['SELECT * INTO copied FROM sale', 'it changes rows or creates a table'],
    ['COPY sale TO STDOUT', 'it is not a SELECT'],
    ['SELECT 1) AS x; DROP TABLE sale; --', 'syntax error'],
    ['-- nothing', 'it contains no statement'],
  ])('refuse %s before the server sees it', async (sql, reason) => {
    for (const form of ['--limit 5', '--csv']) {
      const { exitCode, stderr } = await dbops(
        `report sql - ${form} --database-url postgres://nowhere.invalid/x`,
        sql,
      );
      expect(exitCode).toBe(2);
      expect(stderr).toContain(reason);
    }
  });

  it('are refused by the server where a function or a lock writes', async () => {
    for (const [sql, form, reason] of [
      ['SELECT writes()', '--limit 5', 'read-only transaction'],
      ['SELECT writes()', '--csv', 'read-only transaction'],
      [
        "SELECT set_config('transaction_read_only', 'off', false), writes()",
        '--all',
        'read-write mode',
      ],
      ['SELECT * FROM sale FOR UPDATE', '--csv', 'read-only transaction'],
    ] as const) {
      const { exitCode, stderr } = await dbops(`report sql - ${form}`, sql);
      expect([1, 2]).toContain(exitCode);
      expect(stderr).toContain(reason);
    }
    await withSession(database.url, async ({ query }) => {
      const rows = '(SELECT count(*) FROM written)::int + (SELECT count(*) FROM sale)::int';
      expect(await query(`SELECT ${rows} AS n`)).toEqual([{ n: 3 }]);
    });
  });
});

describe.each(newest)('reports of one’s own on $name', ({ adminUrl }) => {
  const environment = { DATABASE_URL: adminUrl };

  it('are cancelled after their timeout', async () => {
    const cwd = folderOf({ 'a.sql': 'SELECT pg_sleep(30)' });
    for (const form of ['--json', '--csv', '--all', '--json --all'])
      expect(
        await runCli(`report sql a.sql --timeout 200ms ${form}`.split(' '), { cwd, environment }),
      ).toMatchObject({
        exitCode: 1,
        [form.startsWith('--json') ? 'stdout' : 'stderr']:
          expect.stringContaining('cancelled after 200 ms'),
      });
  });

  it('end when whatever reads them has enough', async () => {
    const cwd = folderOf({ 'a.sql': 'SELECT * FROM generate_series(1, 3000000) n' });
    const line = `${program} report sql a.sql --all --csv --quiet | head -2`;
    const { exitCode, stdout, stderr } = await runShell(`set -o pipefail; ${line}`, {
      cwd,
      environment,
    });
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: 'n\r\n1\r\n', stderr: '' });
    const piped = await runShell(`echo 'SELECT 1 AS one' | ${program} report sql - --csv --quiet`, {
      cwd,
      environment,
    });
    expect(piped).toEqual({ exitCode: 0, stdout: 'one\r\n1\r\n', stderr: '' });
  });
});
