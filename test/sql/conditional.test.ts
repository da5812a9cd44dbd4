import { describe, expect, it } from 'vitest';
import { conditionalPart, isLenient } from '../../src/sql/conditional.ts';

const block = (body: string) => `DO $$ BEGIN ${body} END $$`;
const onRows = (work: string) => block(`IF EXISTS (SELECT FROM t) THEN ${work} END IF;`);

describe('the conditional part of a migration', () => {
  it.each([
    onRows('DROP TABLE extra;'),
    onRows('ALTER TABLE t ADD COLUMN x int;'),
    onRows(`EXECUTE 'CREATE TABLE x (id int)';`),
    onRows('PERFORM rebuild();'),
    onRows('SELECT app.rebuild() INTO done;'),
    onRows('SELECT "Rebuild"() INTO done;'),
    onRows('COMMENT ON TABLE t IS NULL;'),
  ])('includes a block that changes the catalog depending on rows: %s', async (sql) => {
    expect(await conditionalPart(`SELECT 1; ${sql};`)).toContain('EXISTS');
  });

  it.each([
    onRows('INSERT INTO t DEFAULT VALUES;'),
    onRows("INSERT INTO t (id, name) VALUES (1, lower('A')), (2, NULL);"),
    onRows('UPDATE t SET n = coalesce(n, (SELECT max(n) FROM t WHERE id IN (1, 2)));'),
    block('DROP TABLE t;'),
    'DROP TABLE t',
  ])('leaves out what changes rows only or depends on none: %s', async (sql) => {
    expect(await conditionalPart(sql)).toBe('');
  });
});

describe('a migration that may run where an object that it names does not exist', () => {
  it.each(['DROP TABLE IF EXISTS t', 'DROP TABLE t CASCADE', onRows('DROP TABLE t;')])(
    'is recognised: %s',
    (sql) => {
      expect(isLenient(sql)).toBe(true);
    },
  );

  it.each([
    'DROP TABLE t',
    'ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES b ON DELETE CASCADE',
    'await db.schema.dropTable("t").execute();',
    'CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()',
    'CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE PROCEDURE f()',
  ])('differs from one that fails: %s', (sql) => {
    expect(isLenient(sql)).toBe(false);
  });
});
