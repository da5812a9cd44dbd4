import { describe, expect, it } from 'vitest';
import { destructionsOf, mayDestroy } from '../../src/sql/destructions.ts';

describe('what a text says that it destroys', () => {
  it.each([
    'CREATE TABLE a (id int REFERENCES b ON DELETE CASCADE); INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING',
    'ALTER TABLE a ALTER b DROP NOT NULL, ALTER c DROP DEFAULT, DROP CONSTRAINT d',
    'DROP INDEX a; DROP FUNCTION f(); DROP TRIGGER t ON a; DROP POLICY p ON a; DROP VIEW v',
    `CREATE TYPE mood AS ENUM ('drop'); ALTER TYPE mood ADD VALUE 'delete'; ALTER TABLE a ADD COLUMN type text`,
    'CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DROP TABLE a $$',
    `DO $$ BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    `-- drop table a;\nSELECT 'drop table b'; UPDATE a SET b = 1`,
    'CREATE TRIGGER t BEFORE DELETE ON a FOR EACH ROW EXECUTE FUNCTION f()',
  ])('is nothing for %s', async (sql) => {
    expect(await destructionsOf(sql)).toEqual([]);
  });

  const t = { name: 't' };
  it.each([
    [
      'DROP TABLE t, "S".t',
      [
        { kind: 'table', table: t },
        { kind: 'table', table: { schema: 'S', name: 't' } },
      ],
    ],
    ['drop /* */ schema s cascade', [{ kind: 'schema', schema: 's' }]],
    ['ALTER TABLE t DROP trigger', [{ kind: 'column', table: t, column: 'trigger' }]],
    [
      'ALTER TABLE t -- a; b\n ALTER c SET DATA TYPE int',
      [{ kind: 'type', table: t, column: 'c', isRewritten: false }],
    ],
    [
      'ALTER TABLE t ALTER c TYPE m USING c::text::m',
      [{ kind: 'type', table: t, column: 'c', isRewritten: false }],
    ],
    [
      'ALTER TABLE t ALTER c TYPE text USING lower(c)',
      [{ kind: 'type', table: t, column: 'c', isRewritten: true }],
    ],
    [
      'ALTER TABLE t ALTER c TYPE text USING c::varchar(3)',
      [{ kind: 'type', table: t, column: 'c', isRewritten: true }],
    ],
    [
      'ALTER TABLE t ALTER c TYPE text USING d::text',
      [{ kind: 'type', table: t, column: 'c', isRewritten: true }],
    ],
    [
      'ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME TO v; DELETE FROM v',
      [{ kind: 'rows', table: t, cascades: false }],
    ],
    [
      'ALTER TABLE "S".t RENAME TO u; DELETE FROM u; ALTER SCHEMA "S" RENAME TO s2; TRUNCATE s2.u, s2.w; DROP SCHEMA s2',
      [
        { kind: 'rows', table: { schema: 'S', name: 't' }, cascades: false },
        { kind: 'rows', table: { schema: 'S', name: 't' }, cascades: false },
        { kind: 'rows', table: { schema: 'S', name: 'w' }, cascades: false },
        { kind: 'schema', schema: 'S' },
      ],
    ],
    ['ALTER TABLE t SET SCHEMA s; DELETE FROM s.t', [{ kind: 'rows', table: t, cascades: false }]],
    [
      'ALTER TABLE t RENAME c TO d; ALTER TABLE t RENAME TO u; ALTER TABLE u DROP d, ALTER e TYPE int',
      [
        { kind: 'column', table: t, column: 'c' },
        { kind: 'type', table: t, column: 'e', isRewritten: false },
      ],
    ],
    [
      'ALTER TABLE t RENAME TO old; CREATE TABLE t (a int); DELETE FROM t; DROP TABLE old',
      [{ kind: 'table', table: t }],
    ],
    ['TRUNCATE t CASCADE', [{ kind: 'rows', table: t, cascades: true }]],
    ['DELETE FROM t', [{ kind: 'rows', table: t, cascades: false }]],
    [
      'WITH d AS (DELETE FROM t WHERE a RETURNING *) SELECT FROM d',
      [{ kind: 'some-rows', table: t }],
    ],
    ['MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE', [{ kind: 'some-rows', table: t }]],
    [`DO $$ BEGIN EXECUTE 'DROP ' || 'TABLE t'; END $$`, [{ kind: 'hidden' }]],
    ['DROP TYPE m CASCADE', [{ kind: 'hidden' }]],
    ['ALTER TYPE m DROP ATTRIBUTE a', [{ kind: 'hidden' }]],
    ['CALL tidy()', [{ kind: 'hidden' }]],
    ['DROP TABLE t THEN WHAT', [{ kind: 'hidden' }]],
  ])('is found in %s', async (sql, expected) => {
    expect(await destructionsOf(sql)).toEqual(expected);
  });

  it.each([
    [`await db.schema.dropTable('a').execute()`, true],
    [`await db.schema.alterTable('a').dropColumn('b').execute()`, true],
    [`pgm.alterColumn('a', 'b', { type: 'int' })`, true],
    ['await knex("a").del()', true],
    ['await sql`TRUNCATE a`.execute(db)', true],
    [`await db.schema.createTable('a').addColumn('id', 'integer').execute()`, false],
  ])('may be in the module %s: %s', (source, expected) => {
    expect(mayDestroy(source)).toBe(expected);
  });
});
