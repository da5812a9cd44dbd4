import { describe, expect, it } from 'vitest';
import { DbopsError } from '../../src/errors.ts';
import { readDirectives, replacedBy } from '../../src/sql/directives.ts';

const none = { noTransaction: false, requiresBackfill: [] };

describe('readDirectives', () => {
  it.each([
    ['SELECT 1;', none],
    ['-- dbops: no-transaction\nSELECT 1;', { ...none, noTransaction: true }],
    ['--dbops:no-transaction', { ...none, noTransaction: true }],
    [
      '\uFEFF\r\n-- About this file.\r\n\r\n-- dbops: no-transaction\r\nSELECT 1;',
      { ...none, noTransaction: true },
    ],
    ['// dbops: no-transaction\nexport function up() {}', { ...none, noTransaction: true }],
    [
      '-- dbops: requires-backfill users\n-- dbops: requires-backfill organization-id',
      { ...none, requiresBackfill: ['users', 'organization-id'] },
    ],
    ['-- dbops: lock-timeout 500ms', { ...none, lockTimeout: 500 }],
    ['-- dbops: allow drop-column because nobody reads it', none],
  ])('reads %j', (source, directives) => {
    expect(readDirectives(source, '0001_a')).toEqual(directives);
  });

  it('reads none below the first statement', () => {
    expect(readDirectives('SELECT 1;\n-- dbops: no-transaction', '0001_a')).toEqual(none);
  });

  it.each([
    '-- dbops: no-transactions',
    '-- dbops: No-Transaction',
    '-- dbops: requires-backfill',
    '-- dbops: lock-timeout',
    '-- dbops: lock-timeout soon',
  ])('refuses %s with the name of the file and what may be written', (source) => {
    const read = () => readDirectives(source, '0001_a');
    expect(read).toThrow(DbopsError);
    expect(read).toThrow(expect.objectContaining({ exitCode: 2, code: 'MIGRATION.DIRECTIVE' }));
    expect(read).toThrow(/0001_a .*(transaction|backfill|lock-timeout)/i);
  });
});

describe('replacedBy', () => {
  it('returns the names of each line above the first statement', () => {
    const source =
      '-- dbops: replaces 0001_a\n// dbops: replaces 0002_b 0001_x 0002_y\nSELECT 1;\n-- dbops: replaces 0003_c';
    expect(replacedBy(source)).toEqual([['0001_a'], ['0002_b', '0001_x', '0002_y']]);
    expect(() => readDirectives(source, '0004_d')).not.toThrow();
    expect(() => readDirectives('-- dbops: replaces', '0004_d')).toThrow('unknown directive');
  });
});
