import { describe, expect, it } from 'vitest';
import { changesRows, newConstraintsOf } from '../../src/sql/new-constraints.ts';

const table = { name: 't' };

describe('demandsOf', () => {
  it.each([
    ['ADD COLUMN a varchar(25) NOT NULL', { kind: 'not-null', column: 'a', type: 'varchar(25)' }],
    [
      'ADD COLUMN "é" text COLLATE "C" NOT NULL',
      { kind: 'not-null', column: 'é', type: 'text COLLATE "C"' },
    ],
    ['ALTER a SET NOT NULL', { kind: 'not-null', column: 'a' }],
    [`ADD CHECK ("t"."a" IN ('(', ')'))`, { kind: 'check', expression: `"t"."a" IN ('(', ')')` }],
    [
      'ADD CONSTRAINT c CHECK (a > (1 + 2)) NO INHERIT',
      { kind: 'check', name: 'c', expression: 'a > (1 + 2)' },
    ],
    ['ADD UNIQUE (a, b)', { kind: 'unique', columns: ['a', 'b'], nullsNotDistinct: false }],
    [
      'ADD UNIQUE NULLS NOT DISTINCT (a)',
      { kind: 'unique', columns: ['a'], nullsNotDistinct: true },
    ],
    [
      'ADD FOREIGN KEY (a) REFERENCES s.u',
      {
        kind: 'foreign-key',
        columns: ['a'],
        target: { schema: 's', name: 'u' },
        targetColumns: [],
      },
    ],
    ['VALIDATE CONSTRAINT c', { kind: 'validate', name: 'c' }],
  ])('reads ALTER TABLE t %s', async (command, demand) => {
    expect(await newConstraintsOf(`/* ü */ ALTER TABLE t ${command}`)).toEqual([
      { table, ...demand },
    ]);
  });

  it.each([
    'ALTER TABLE t ADD COLUMN a int',
    'ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 1',
    'ALTER TABLE t ADD COLUMN a bigserial NOT NULL',
    'ALTER TABLE t ADD COLUMN a int NOT NULL GENERATED ALWAYS AS IDENTITY',
    'ALTER TABLE t ADD COLUMN IF NOT EXISTS a int NOT NULL',
    'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID',
    'ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY USING INDEX i',
    'CREATE INDEX i ON t (a)',
    'CREATE UNIQUE INDEX i ON t (lower(a))',
    'CREATE TABLE t (a int NOT NULL)',
    '-- nothing',
  ])('finds none in %s', async (sql) => {
    expect(await newConstraintsOf(sql)).toEqual([]);
  });

  it('reads a partial unique index', async () => {
    const sql = 'CREATE UNIQUE INDEX CONCURRENTLY i ON t (a) WHERE b IS NULL';
    expect(await newConstraintsOf(sql)).toEqual([
      {
        kind: 'unique',
        table,
        name: 'i',
        columns: ['a'],
        predicate: 'b IS NULL',
        nullsNotDistinct: false,
      },
    ]);
  });
});

describe('changesRows', () => {
  it.each(['UPDATE t SET a = 1', 'DO $$ BEGIN END $$', 'SELECT f()', 'TRUNCATE t'])(
    'takes %s for a change',
    async (sql) => expect(await changesRows(sql)).toBe(true),
  );

  it.each(['ALTER TABLE t ADD COLUMN a int', `COMMENT ON TABLE t IS 'x'`])(
    'takes %s for none',
    async (sql) => expect(await changesRows(sql)).toBe(false),
  );
});
