import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFolder } from '../../src/formats/open-folder.ts';
import { splitAsSupabase } from '../../src/formats/supabase/statements.ts';
import { supabase } from '../../src/formats/supabase/index.ts';
import { folderOf } from '../cli/run-cli.ts';

type Files = Record<string, string>;

const read = (files: Files) => {
  const folder = folderOf(files);
  return supabase.read(folder, readdirSync(folder));
};
const namesOf = (...files: string[]) =>
  read(Object.fromEntries(files.map((file) => [file, '']))).migrations.map(({ name }) => name);

describe('the format supabase', () => {
  it('orders by the digits, as text', () => {
    expect(namesOf('9_d.sql', '10_c.sql', '20250101000000_b.sql', '20250101_a.sql')).toEqual([
      '10_c',
      '20250101_a',
      '20250101000000_b',
      '9_d',
    ]);
  });

  it('takes every <digits>_<name>.sql, also one without a name or with more in it', () => {
    const files = ['1_.sql', '2__a.sql', '3_b.down.sql', 'README.md', '4_c.SQL', '5_d.sql.orig'];
    expect(namesOf(...files)).toEqual(['1_', '2__a', '3_b.down']);
  });

  it('reports files that are never applied', () => {
    const files = {
      '20210101000000_init.sql': '',
      '20250101000000_a.sql': '',
      'seed.sql': '',
      '7.sql': '',
    };
    const { migrations, findings } = read(files);
    expect(migrations.map(({ name }) => name)).toEqual(['20250101000000_a']);
    expect(findings.map(({ code, where }) => [code, where.object])).toEqual([
      ['skipped-file', '20210101000000_init.sql'],
      ['skipped-file', '7.sql'],
      ['skipped-file', 'seed.sql'],
    ]);
    expect(namesOf('20211209000000_init.sql')).toEqual(['20211209000000_init']);
    expect(namesOf('1_a.sql', '20210101000000_init.sql')).toContain('20210101000000_init');
  });

  it('reads the mark that runs a file outside a transaction', () => {
    const mark = '-- pg-delta: transaction=false';
    const isMarked = (sql: string) =>
      read({ '1_a.sql': sql }).migrations.map(({ up }) => up.kind === 'sql' && up.noTransaction);
    for (const sql of [mark, `${mark}\n`, `${mark}\r\nSELECT 1`, `\uFEFF${mark}\nSELECT 1`])
      expect(isMarked(sql)).toEqual([true]);
    for (const sql of [`\n${mark}\n`, `${mark} \n`, `--pg-delta: transaction=false\n`])
      expect(isMarked(sql)).toEqual([undefined]);
  });

  it('is found by its path, and by the configuration above', () => {
    const found = (files: Files) => readFolder({ root: folderOf(files) }).format.name;
    expect(found({ 'supabase/migrations/1_a.sql': '' })).toBe('supabase');
    expect(
      found({ 'apps/web/supabase/schemas/1_a.sql': '', 'apps/web/supabase/config.toml': '' }),
    ).toBe('supabase');
    for (const path of ['db/migrations', 'supabase/schemas', 'supabase/migrations/deeper']) {
      const root = folderOf({ [`${path}/1_a.sql`]: '' });
      expect(supabase.matches(join(root, path), ['1_a.sql'])).toBe(false);
    }
  });

  it('ignores white space and semicolons in the hash', () => {
    const piece = fc.constantFrom('SELECT 1', "'a b'", '--c', '\n', '\r\n', '\t', ';', ' ', 'é');
    fc.assert(
      fc.property(fc.array(piece), (parts) => {
        const hash = (text: string) => supabase.hashOf?.(text);
        const statements = splitAsSupabase(parts.join(''));
        for (const same of [statements.join(''), `\uFEFF${statements.join(';\n')};`])
          expect(hash(same)).toBe(hash(parts.join('')));
        expect(hash(`${parts.join('')}x`)).not.toBe(hash(parts.join('')));
      }),
    );
  });
});

describe('rows of supabase_migrations.schema_migrations', () => {
  const { migrations, tracking } = read({
    '1_a.sql': 'SELECT 1;',
    '1_b.sql': 'SELECT 2; --\u3000',
  });
  const toApplied = (...rows: object[]) =>
    tracking.toApplied(
      rows.map((row) => ({ hash: null, ...row })),
      migrations,
    );

  it('are of the file with their digits; of two, of that with their name', () => {
    const applied = (name: string | null) => toApplied({ version: '1', name }).applied[0]?.name;
    expect([null, 'a', 'b', 'c'].map(applied)).toEqual(['1_a', '1_a', '1_b', '1_a']);
    expect(
      toApplied({ version: '2', name: 'x' }, { version: '3', name: null }).applied,
    ).toMatchObject([{ name: '2_x' }, { name: '3' }]);
  });

  it('show that a file was renamed', () => {
    expect(toApplied({ version: '1', name: 'c' }).findings).toMatchObject([
      { code: 'renamed-file', severity: 'info', where: { object: '1_a' } },
    ]);
    expect(toApplied({ version: '1', name: 'b' }, { version: '1', name: null }).findings).toEqual(
      [],
    );
  });

  it('may have lost a space at an end that is not ASCII', () => {
    const hash = supabase.hashOf?.('SELECT 2--');
    const [row] = toApplied({ version: '1', name: 'b', hash }).applied;
    expect(row?.hash).toBe(migrations[1]?.hash);
    expect(row?.hash).not.toBe(hash);
  });
});

describe('splitAsSupabase', () => {
  it.each([
    ['a; b ;; ;c', ['a', 'b', 'c']],
    [`SELECT ';', "a;b", E'it\\'s;' ; SELECT 2`, [`SELECT ';', "a;b", E'it\\'s;'`, 'SELECT 2']],
    ['DO $$ a; $b$ ; $$; SELECT $1;', ['DO $$ a; $b$ ; $$', 'SELECT $1']],
    [
      '-- a; b\nSELECT 1; /* ; /* ; */ ; */ SELECT 2; -- c',
      ['-- a; b\nSELECT 1', '/* ; /* ; */ ; */ SELECT 2', '-- c'],
    ],
    ['CREATE RULE r DO (a; b); c', ['CREATE RULE r DO (a; b)', 'c']],
    ['CREATE RULE r DO (a(1); b); c', ['CREATE RULE r DO (a(1)', 'b)', 'c']],
    [
      'CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN b END; SELECT 1; END; c',
      ['CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN b END; SELECT 1; END', 'c'],
    ],
    ['BEGIN; a; COMMIT;', ['BEGIN', 'a', 'COMMIT']],
    [`SELECT 'not closed; a`, [`SELECT 'not closed; a`]],
    [' ;\n; ', []],
  ])('cuts %j', (sql, statements) => {
    expect(splitAsSupabase(sql)).toEqual(statements);
  });
});
