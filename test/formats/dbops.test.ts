import { createHash } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DbopsError } from '../../src/errors.ts';
import { dbops } from '../../src/formats/dbops/index.ts';
import { hashOf } from '../../src/formats/shared/script.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import { folderOf } from '../cli/run-cli.ts';

const read = (files: Record<string, string>) =>
  dbops.read(folderOf(files), Object.keys(files)).migrations;

describe('the format dbops', () => {
  it('orders by number, not by text', () => {
    const files = ['10_c.up.sql', '9_b.up.sql', '0001_a.up.sql', '0100_d.ts'];
    const folder = read(Object.fromEntries(files.map((file) => [file, ''])));
    expect(folder.map(({ name }) => name)).toEqual(['0001_a', '9_b', '10_c', '0100_d']);
  });

  it('reads only up files as migrations', () => {
    const strangers = [
      '0001_a.down.sql',
      '0002_b.d.ts',
      '0002_b.d.mts',
      '0002_b.d.js',
      '0003_c.sql',
      'README.md',
      'x_0004.up.sql',
      '0005.up.sql',
      '0006_d.up.sql.orig',
      '0007_e.up.sql~',
    ];
    const migrations = ['0010_f.up.sql', '0011_g.ts', '0012_h.mts', '0013_i.js', '0014_j.mjs'];
    const files = [...strangers, ...migrations].map((file) => [file, '']);
    const folder = read(Object.fromEntries(files));
    expect(folder.map(({ name }) => name)).toEqual([
      '0010_f',
      '0011_g',
      '0012_h',
      '0013_i',
      '0014_j',
    ]);
  });

  it('finds the rollback of each migration', () => {
    const [a, b, c] = read({
      '0001_a.up.sql': 'a',
      '0001_a.down.sql': 'undo a',
      '0002_b.up.sql': 'b',
      '0003_c.ts': 'c',
    });
    expect(a?.down).toMatchObject({ kind: 'sql', sql: 'undo a' });
    expect(b?.down).toBeUndefined();
    expect(c?.down).toMatchObject({ kind: 'module' });
  });

  it('hashes the text as sha256sum does, when its lines end in LF', () => {
    const sql = 'CREATE TABLE a (id int);\n-- ü €\n';
    const expected = createHash('sha256').update(sql).digest('hex');
    expect(hashOf(sql)).toBe(expected);
    expect(read({ '0001_a.up.sql': sql })[0]?.hash).toBe(expected);
  });

  it('has one hash for LF, CRLF and a BOM, and another for any other text', () => {
    const line = fc
      .string({ unit: 'grapheme' })
      .map((text) => text.replaceAll(/[\r\n\uFEFF]/g, ''));
    fc.assert(
      fc.property(fc.array(line), fc.array(line), (lines, others) => {
        const hash = hashOf(lines.join('\n'));
        expect(hashOf(lines.join('\r\n'))).toBe(hash);
        expect(hashOf(`\uFEFF${lines.join('\n')}`)).toBe(hash);
        expect(hashOf(others.join('\n')) === hash).toBe(lines.join('\n') === others.join('\n'));
      }),
    );
  });
});

describe('readFolder', () => {
  const found = (files: Record<string, string>) => {
    const root = folderOf(files);
    return readFolder({ root });
  };

  it('searches for the folder migrations', () => {
    const folder = found({ 'migrations/0001_a.up.sql': '' });
    expect(folder.format.name).toBe('dbops');
    expect(folder.migrations.map(({ name }) => name)).toEqual(['0001_a']);
  });

  it.each([
    ['there is none', {}, 'FOLDER.MISSING'],
    ['it is a file', { migrations: '' }, 'FOLDER.MISSING'],
    ['its files are unknown', { 'migrations/readme.txt': '' }, 'FORMAT.UNKNOWN'],
    ['it holds downs only', { 'migrations/0001_a.down.sql': '' }, 'FORMAT.UNKNOWN'],
  ])('reports an error when %s', (_, files: Record<string, string>, code) => {
    expect(codeOf(() => found(files))).toBe(code);
  });

  it('reads the requested folder in the requested format', () => {
    const root = folderOf({ 'sql/0001_a.up.sql': '' });
    const migrations = join(root, 'sql');
    expect(readFolder({ root, migrations, format: 'dbops' }).directory).toBe(migrations);
    expect(codeOf(() => readFolder({ root, migrations, format: 'flyway' }))).toBe('FORMAT.UNKNOWN');
  });
});

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof DbopsError) return error.code;
    throw error;
  }
  return 'none';
}
