import fc from 'fast-check';
import { getActions } from 'node-pg-migrate/sqlMigration';
import { compareMigrationFileNames } from 'node-pg-migrate/utils/comparators';
import { describe, expect, it } from 'vitest';
import { readFolder } from '../../src/formats/open-folder.ts';
import { compareFiles, numberOf } from '../../src/formats/node-pg-migrate/order.ts';
import { directionsOf } from '../../src/formats/node-pg-migrate/sql.ts';
import { nodePgMigrate } from '../../src/formats/node-pg-migrate/index.ts';
import type { SqlScript } from '../../src/migration.ts';
import { folderOf } from '../cli/run-cli.ts';

type Files = Record<string, string>;

const read = (files: Files) => nodePgMigrate.read(folderOf(files), Object.keys(files));
const sqlOf = (script: unknown) => (script as SqlScript | undefined)?.sql;
const sections = '-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 2;\n';

describe('the format node-pg-migrate', () => {
  it('orders by number, 17 digits being a date, and then by name', () => {
    const files = [
      '20240101000000000_date.sql', // = 1704067200000
      '1704067200001_after.js',
      '1704067199999_before.ts',
      '1704067200000_date-2.sql',
      '3_c.sql',
      '0003_a10.sql',
      '003_a9.sql',
    ];
    const { migrations } = read(Object.fromEntries(files.map((file) => [file, ''])));
    expect(migrations.map(({ name }) => name)).toEqual([
      '003_a9',
      '0003_a10',
      '3_c',
      '1704067199999_before',
      '1704067200000_date-2',
      '20240101000000000_date',
      '1704067200001_after',
    ]);
  });

  it.each([
    ['its marks in SQL', { '1_a.sql': sections }, 'node-pg-migrate'],
    [
      'a mark in the tool’s loose spelling',
      { '1_a.sql': '  ---- up   MIGRATION' },
      'node-pg-migrate',
    ],
    ['pgm in a module', { '1_a.js': 'exports.up = (pgm) => {}' }, 'node-pg-migrate'],
    ['pairs with milliseconds', { '1700000000000_a.up.sql': '' }, 'node-pg-migrate'],
    ['pairs with a date', { '20260101000000000_a.up.sql': '' }, 'node-pg-migrate'],
    ['dbops’ own pairs', { '0001_a.up.sql': '', '0001_a.down.sql': '' }, 'dbops'],
  ])('is recognized by %s', (_, files: Files, expected) => {
    const migrations = folderOf(files);
    expect(readFolder({ migrations, root: migrations }).format.name).toBe(expected);
  });

  it.each([
    ['kysely', 'import type { Kysely } from "kysely";\nexport const up = (db: Kysely<any>) => {};'],
    ['knex', 'exports.up = (knex) => knex.raw("");\nexports.down = (knex) => {};'],
  ])('is not recognized by a module of %s', (_, text) => {
    expect(
      nodePgMigrate.matches(folderOf({ '20260101000000_a.ts': text }), ['20260101000000_a.ts']),
    ).toBe(false);
  });

  it('splits the sections and keeps line numbers', () => {
    const { migrations } = read({ '1_a.sql': sections });
    expect(sqlOf(migrations[0]?.up)).toBe('-- Up Migration\nSELECT 1;\n');
    expect(sqlOf(migrations[0]?.down)).toBe('\n\n-- Down Migration\nSELECT 2;\n');
  });

  it('splits sections in reverse order', () => {
    const { migrations } = read({ '1_a.sql': '--down migration\nA;\n--up migration\nB;\n' });
    expect(sqlOf(migrations[0]?.up)).toBe('\n\n--up migration\nB;\n');
    expect(sqlOf(migrations[0]?.down)).toBe('--down migration\nA;\n');
  });

  it('reads a file without marks as up only', () => {
    const { migrations, findings } = read({ '1_a.sql': 'SELECT 1;' });
    expect(migrations).toMatchObject([{ name: '1_a', up: { sql: 'SELECT 1;' } }]);
    expect(migrations[0]?.down).toBeUndefined();
    expect(findings).toEqual([]);
  });

  it('reports that the tool runs down with up when only down is marked', () => {
    const { migrations, findings } = read({ '1_a.sql': 'A;\n-- Down Migration\nB;' });
    expect(sqlOf(migrations[0]?.up)).toContain('B;');
    expect(findings).toMatchObject([{ code: 'down-runs-with-up', where: { object: '1_a' } }]);
  });

  it('ignores an empty down section', () => {
    const { migrations } = read({ '1_a.sql': '-- Up Migration\nA;\n-- Down Migration' });
    expect(migrations[0]?.down).toBeUndefined();
  });

  it('reads pairs, and returns the path of a missing down', () => {
    const { migrations } = read({
      '1700000000000_a.up.sql': 'A;',
      '1700000000000_a.down.sql': 'B;',
      '1700000000001_b.up.sql': 'C;',
    });
    expect(migrations.map(({ name }) => name)).toEqual(['1700000000000_a', '1700000000001_b']);
    expect(sqlOf(migrations[0]?.down)).toBe('B;');
    const [, b] = migrations;
    expect(b?.down).toBeUndefined();
    expect(b && nodePgMigrate.downFile?.(b)).toMatch(/\/1700000000001_b\.down\.sql$/);
  });

  it('reports a file without a number, at which the tool stops', () => {
    const names = ['1_a.sql', 'helper.js', 'README.md', '.hidden.js', 'types.d.ts', '2_b.d.ts'];
    const { migrations, findings } = read(Object.fromEntries(names.map((name) => [name, ''])));
    expect(migrations.map(({ name }) => name)).toEqual(['1_a']);
    expect(findings.map(({ where }) => where.object)).toEqual(['helper.js']);
  });

  it('passes shorthands to later modules', () => {
    const { migrations } = read({
      '1_a.js': 'export const shorthands = undefined; export const up = (pgm) => {};',
      '2_b.js': 'export const shorthands = { id: "uuid" }; export const up = (pgm) => {};',
      '3_c.js': 'export const up = (pgm) => {};',
    });
    const inherited = migrations.map(({ up }) => (up.kind === 'module' ? up.inherits?.length : -1));
    expect(inherited).toEqual([0, 0, 1]);
  });
});

describe('the order of the tracking rows', () => {
  const { migrations, tracking } = read({ '1_a.sql': '', '2_b.sql': '', '3_c.sql': '' });
  const findingsFor = (...names: string[]) =>
    tracking
      .toApplied(
        names.map((name) => ({ name, run_ms: 0 })),
        migrations,
      )
      .findings.map(({ code, where }) => [code, where.object]);

  it.each([
    ['as in the folder', ['1_a', '2_b'], []],
    ['with a gap', ['1_a', '3_c'], [['out-of-order', '2_b']]],
    ['swapped', ['2_b', '1_a'], [['recorded-order', '1_a']]],
    ['with a row twice', ['1_a', '1_a', '2_b'], [['recorded-twice', '1_a']]],
    ['with a row whose file is gone', ['0_x', '1_a'], []],
    ['with more rows than files', ['1_a', '2_b', '3_c', '4_d'], []],
  ])('%s', (_, names, expected) => {
    expect(findingsFor(...names)).toEqual(expected);
  });
});

describe('beside the tool’s own code', () => {
  it('has the same order for any two names', () => {
    const number = fc.oneof(
      fc.nat(30).map(String),
      fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_003 }).map(String),
      fc.constantFrom('20231114221320000', '20231114221320001', '20239914221320001', '007'),
    );
    const ending = fc.constantFrom(
      '_a.sql',
      '_A.sql',
      '-a.js',
      '_a10.ts',
      '_a9.ts',
      '_ä.sql',
      '.sql',
    );
    const name = fc.tuple(number, ending).map((parts) => parts.join(''));
    const place = (file: string) => ({ file, number: numberOf(file) });
    fc.assert(
      fc.property(name, name, (a, b) => {
        const ours = Math.sign(compareFiles(place(a), place(b)));
        expect(ours).toBe(Math.sign(compareMigrationFileNames(a, b)));
      }),
    );
  });

  it('splits any file into the same sections', () => {
    const line = fc.constantFrom(
      '-- Up Migration',
      '--Down migration',
      '  -- - up   migration of users',
      'SELECT 1;',
      '-- up',
      '',
      'a -- up migration',
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const source = lines.join('\n');
        const theirs = getActions(source);
        const { up, down } = directionsOf('a.sql', source);
        const textOf = (action: unknown) => {
          let text = '';
          if (typeof action === 'function') action({ sql: (sql: string) => (text = sql) });
          return text.replaceAll(/^\s*--.*$/gm, '').trim();
        };
        const ourTextOf = (sql = '') => sql.replaceAll(/^\s*--.*$/gm, '').trim();
        expect(ourTextOf(up.sql)).toBe(textOf(theirs.up));
        expect(ourTextOf(down?.sql)).toBe(textOf(theirs.down));
      }),
    );
  });
});
