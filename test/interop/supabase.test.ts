import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitAsSupabase } from '../../src/formats/supabase/statements.ts';
import { runShell } from '../cli/run-cli.ts';
import { newest, withDatabase } from '../db/targets.ts';
import { byState, projectOn, writeInto, writeProject, type Project } from '../migrate/project.ts';
import { filesOf, mixed } from './mixed.ts';
import { describeInterop } from './peer.ts';

type Files = Record<string, string>;

const program = fileURLToPath(import.meta.resolve('supabase/dist/supabase.js'));

/** Runs the Supabase CLI on a database; answers what it says. */
async function runSupabase({ root, url }: Pick<Project, 'root' | 'url'>, words: string) {
  const remote = new URL(url);
  remote.password = 'none'; // the CLI asks for one where there is none
  const environment = {
    PGSSLMODE: 'disable',
    SUPABASE_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
  };
  const line = `'${process.execPath}' '${program}' ${words} --yes --remote='${remote.href}'`;
  const { exitCode, stdout, stderr } = await runShell(line, { cwd: root, environment });
  return { exitCode, said: stdout + stderr };
}

async function push(project: Pick<Project, 'root' | 'url'>): Promise<number> {
  const { exitCode, said } = await runSupabase(project, 'db push');
  expect({ exitCode, said }).toMatchObject({ exitCode: 0 });
  return said.match(/^Applying migration /gm)?.length ?? 0;
}

const config = { 'supabase/config.toml': 'project_id = "test"\n' };
const inMigrations = (files: Files) =>
  Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`supabase/migrations/${name}`, text]),
  );

const rows = `SELECT version, name, statements, cardinality(statements) AS count
  FROM supabase_migrations.schema_migrations ORDER BY version`;

/** What is the CLI's own, after what every tool has to get through. */
const own = Object.entries({
  '20260201000000_bom.sql':
    '\uFEFFCREATE TABLE bom (id int);\r\n\r\nINSERT INTO bom VALUES (1);;\r\n;',
  '20260202000000__vacuum.sql':
    '-- pg-delta: transaction=false\r\nVACUUM bom;\r\nSELECT 2; -- the end',
  '20260203000000_nothing.sql': '',
  '20260204000000_x.down.sql': '-- an up, whatever its name says\n\n',
});

describeInterop({
  tool: 'supabase 3.1.0',
  format: 'supabase',
  count: mixed.length + own.length,
  files: (count) => {
    const general = filesOf(
      Math.min(count, mixed.length),
      ({ name }, index) => `${20260101000000 + index}_${name}.sql`,
      ({ up }) => up,
    );
    const further = Object.fromEntries(own.slice(0, Math.max(0, count - mixed.length)));
    return { ...config, ...inMigrations({ ...general, ...further }) };
  },
  up: push,
  rows,
});

describe.each(newest)('supabase 3.1.0 beside dbops on $name', (server) => {
  const withSupabase = (files: Files, test: (project: Project) => Promise<void>) =>
    withDatabase(server, (url) =>
      test(projectOn(url, writeProject({ ...config, ...inMigrations(files) }))),
    );

  /** The CLI marks files as applied without running them: their statements as it splits them. */
  const recordAll = async (project: Project, files: Files) => {
    const versions = Object.keys(files).map((name) => name.split('_')[0]);
    const { exitCode, said } = await runSupabase(
      project,
      `migration repair --status applied ${versions.join(' ')}`,
    );
    expect({ exitCode, said }).toMatchObject({ exitCode: 0 });
    return project.query<{ version: string; statements: string[] }>(rows);
  };

  it('splits any text into the statements that dbops records', () => {
    const texts = [...habits, ...fc.sample(sqlText, { numRuns: 400 })];
    const files = Object.fromEntries(texts.map((text, index) => [`${10_000 + index}_t.sql`, text]));
    return withSupabase(files, async (project) => {
      for (const { version, statements } of await recordAll(project, files)) {
        const text = texts[Number(version) - 10_000] ?? '';
        expect({ text, statements: splitAsSupabase(text.replace(/^\uFEFF/, '')) }).toEqual({
          text,
          statements,
        });
      }
      const { applied } = byState(await project.json('migrate', 'status', '--check'));
      expect(applied).toHaveLength(texts.length);
    });
  });

  it('never sees an edit; dbops does, by the statements', () => {
    const name = '20260101000000_a.sql';
    const text = `CREATE TABLE a (id int); -- why\n\nCOMMENT ON TABLE a IS 'b';\n`;
    return withSupabase({ [name]: text }, async (project) => {
      expect(await push(project)).toBe(1);
      const stateOf = async (edited: string) => {
        writeInto(project.root, inMigrations({ [name]: edited }));
        return (await project.json('migrate', 'status')).migrations[0]?.state;
      };
      for (const same of [text.replaceAll('\n', '\r\n'), `\uFEFF${text}\n;`, text.trim()])
        expect(await stateOf(same)).toBe('applied');
      for (const other of [text.replace("'b'", "'c'"), `${text}SELECT 1;`, text.replace('why', '')])
        expect(await stateOf(other)).toBe('edited');
      expect(await push(project)).toBe(0);
    });
  });

  it('refuses what dbops calls late, missing and a duplicate', () =>
    withSupabase(
      { '2_b.sql': 'CREATE TABLE b ()', '3_c.sql': 'CREATE TABLE c ()' },
      async (project) => {
        await project.json('migrate', 'up');
        writeInto(project.root, inMigrations({ '1_a.sql': 'SELECT 1' }));
        expect(await runSupabase(project, 'db push')).toMatchObject({
          exitCode: 1,
          said: expect.stringContaining('--include-all'),
        });
        expect(byState(await project.json('migrate', 'status'))['out-of-order']).toEqual(['1_a']);

        await project.json('migrate', 'up', '--allow-out-of-order');
        writeInto(project.root, inMigrations({ '3_d.sql': 'SELECT 1' }));
        expect(byState(await project.json('migrate', 'status'))).toMatchObject({
          applied: ['1_a', '2_b', '3_c'],
          duplicate: ['3_d'],
        });
        expect(await runSupabase(project, 'db push')).toMatchObject({ exitCode: 1 });

        await project.query(
          `INSERT INTO supabase_migrations.schema_migrations VALUES ('4', '{x}', 'e')`,
        );
        expect(byState(await project.json('migrate', 'status'))['missing-file']).toEqual(['4_e']);
      },
    ));

  it('has tables of old releases, with fewer columns and with nothing in them', () =>
    withSupabase({ '1_a.sql': 'SELECT 1;', '2_b.sql': 'SELECT 2;' }, async (project) => {
      await project.query(`CREATE SCHEMA supabase_migrations
        CREATE TABLE schema_migrations (version text NOT NULL PRIMARY KEY)`);
      await project.query(`INSERT INTO supabase_migrations.schema_migrations VALUES ('1')`);
      expect(byState(await project.json('migrate', 'status'))).toEqual({
        applied: ['1_a'],
        pending: ['2_b'],
      });
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await project.query(rows)).toEqual([
        { version: '1', name: null, statements: null, count: null },
        { version: '2', name: 'b', statements: ['SELECT 2'], count: 1 },
      ]);
      expect(await push(project)).toBe(0);
      expect(await project.json('migrate', 'status', '--check')).toMatchObject({ exitCode: 0 });
    }));

  it('reverts a row, and dbops applies the file again', () =>
    withSupabase({ '1_a.sql': 'CREATE TABLE IF NOT EXISTS a ()' }, async (project) => {
      await project.json('migrate', 'up');
      await runSupabase(project, 'migration repair --status reverted 1');
      expect(byState(await project.json('migrate', 'status'))).toEqual({ pending: ['1_a'] });
      await project.json('migrate', 'up');
      expect(await push(project)).toBe(0);
    }));
});

/** Where the lexer does not do what the server's grammar does. */
const habits = [
  '((a; b); c)',
  '\\; a; b\\); c',
  '$$$;$$$; a$b;c$',
  '\uFEFF$$;$$; b',
  String.raw`E'\';' -- c
  '\';'; xE'\'; a`,
  '-- begin\natomic; a; end; b',
  'begin atomic case when a then b end; end; c',
  'begin atomic /* ; */ end$; end; c',
];

/** Texts of all that the lexer stops at, with or without a meaning. */
const marks = String.raw`' '' " $ $$ $a$ ; ; ; ( ) (1) -- /* */ / * \ E E' x é 1 begin atomic end END; select`;
const blanks = [' ', '\t', '\v', '\n', '\r\n', '-- c\n', "\n'", 'begin atomic ', 'BEGIN\nATOMIC'];
const sqlText = fc
  .array(fc.constantFrom(...marks.split(' '), ...blanks, '\u3000', '\uFEFF', '😀'), {
    maxLength: 25,
  })
  .map((parts) => parts.join(''));
