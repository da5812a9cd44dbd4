import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWithFixedSettings } from '../../src/catalog/snapshot.ts';
import { codeOf } from '../../src/db/connection-error.ts';
import type { SchemaPiece } from '../../src/ddl/writer/piece.ts';
import { statementsOfPieces, writeSchema } from '../../src/ddl/writer/write.ts';
import { concernedObjects } from '../../src/plan/observe/concerned-objects.ts';
import { observerOf } from '../../src/plan/observe/observer.ts';
import type { Session } from '../../src/db/session.ts';
import { openDatabase, type OpenDatabase } from '../db/session.ts';
import { newest } from '../db/targets.ts';
import { observedSchema } from './observed-schema.ts';
import { observedStatements } from './plan-page.ts';

/** Objects that concern one another through more than their names. */
const schema = `${observedSchema}
  CREATE SCHEMA "Far off"; CREATE SCHEMA near;
  CREATE TABLE "Far off"."a.b" (id bigint PRIMARY KEY, t bigint REFERENCES t);
  CREATE TABLE grandchild (id bigint PRIMARY KEY, c_id bigint REFERENCES c);
  CREATE TABLE near.great (id bigint REFERENCES grandchild);
  CREATE VIEW over_view AS SELECT id FROM vw;
  CREATE VIEW near.over_over AS SELECT id FROM over_view;
  CREATE TABLE nested (id int, at date) PARTITION BY RANGE (at);
  CREATE TABLE nested_1 PARTITION OF nested FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (id);
  CREATE TABLE nested_1_1 PARTITION OF nested_1 FOR VALUES IN (1);
  CREATE TABLE nested_1_d PARTITION OF nested_1 DEFAULT;
  CREATE TABLE nested_d PARTITION OF nested DEFAULT;
  CREATE TABLE ancestor (id int NOT NULL, x int); CREATE TABLE heir (y int) INHERITS (ancestor);
  CREATE TABLE moods (e mood, d dm, es mood[]);
  CREATE INDEX "Odd ""name" ON moods (e);
  CREATE TABLE quiet (id serial PRIMARY KEY, x int, CHECK (x > 0));
  CREATE FUNCTION counted() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM quiet); END';
  CREATE VIEW quiet_view AS SELECT id, x FROM quiet;
  CREATE TABLE logged (id int); CREATE VIEW logged_view AS SELECT id FROM logged; CREATE TABLE log (id int);
  CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN NULL; END';
  CREATE TRIGGER log_it AFTER INSERT ON logged FOR EACH STATEMENT EXECUTE FUNCTION log_it();`;

const further = [
  'drop table t cascade',
  'drop table r cascade',
  'drop table c cascade',
  'drop table nested_1_1',
  'drop table nested_1',
  'drop view vw cascade',
  'drop schema near cascade',
  'drop type mood cascade',
  'drop domain dm cascade',
  'drop index "Odd ""name"',
  'alter table near.great add column z int',
  'alter table "Far off"."a.b" add column z uuid default gen_random_uuid()',
  'alter table "Far off"."a.b" drop column t',
  'alter table c alter column id type text',
  'alter table nested add column z int not null default 1',
  'alter table nested_1 alter column id set not null',
  "create table nested_2 partition of nested for values from ('2027-01-01') to ('2028-01-01')",
  'create index on nested (id)',
  'alter table ancestor alter column x type bigint',
  'alter table heir alter column y type bigint',
  'alter table ancestor add constraint positive check (x > 0)',
  'alter type mood rename to feeling',
  "alter domain dm add constraint not_empty check (value <> '')",
  'create view another as select * from near.over_over join quiet using (id)',
  'insert into quiet (x) values (1)',
  'insert into quiet_view (x) values (1)',
  'delete from c',
  'update grandchild set c_id = null',
  'alter table logged add column z bigint default counted()',
  'truncate r cascade',
  'do $$ begin alter table t add column z int; end $$',
];

describe.each(newest)('the concerned objects on $name', (target) => {
  const open: OpenDatabase[] = [];
  let whole: Session;
  let part: Session;
  let pieces: readonly SchemaPiece[];

  beforeAll(async () => {
    for (let n = 0; n < 2; n++) open.push(await openDatabase(target));
    const [first, second] = open.map(({ session }) => session);
    if (!first || !second) throw new Error('two databases are needed');
    [whole, part] = [first, second];
    await whole.script(schema);
    const choice = { isKept: () => true };
    pieces = (await readWithFixedSettings(whole, () => writeSchema(whole, choice))).pieces;
  });
  afterAll(() => Promise.all(open.map((each) => each.end())));

  it('are enough to observe the same as on the whole schema', async () => {
    const statements = [...observedStatements.map(({ sql }) => sql), ...further];
    const byPart = new Map<string, { copied: readonly SchemaPiece[]; sqls: string[] }>();
    for (const sql of statements) {
      const copied = await concernedObjects(pieces, sql);
      if (!copied) continue;
      const key = copied.map(({ id }) => id).join(' ');
      const known = byPart.get(key) ?? { copied, sqls: [] };
      known.sqls.push(sql);
      byPart.set(key, known);
    }
    const wrong: unknown[] = [];
    let compared = 0;
    for (const { copied, sqls } of byPart.values()) {
      expect(copied.length).toBeLessThan(pieces.length);
      await copyInto(part, copied);
      const onPart = await observerOf(part);
      const onWhole = await observerOf(whole);
      for (const sql of sqls) {
        const expected = await observe(whole, onWhole, sql);
        const found = await observe(part, onPart, sql);
        compared += 1;
        if (JSON.stringify(found) !== JSON.stringify(expected))
          wrong.push({ sql, found, expected });
      }
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(90);
  });

  it.each([
    'do $$ begin alter table t add column z int; end $$',
    'truncate r cascade',
    'insert into logged values (1)',
    'insert into logged_view values (1)',
    'alter table logged add column z bigint default counted()',
    'alter table logged add column z bigint default "coun" || U&"\\0061"',
    'grant select on all tables in schema near to public',
    'alter table t add column z int; select 1',
    'this is not a statement',
  ])('are unknown for %s', async (sql) => {
    expect(await concernedObjects(pieces, sql)).toBeUndefined();
  });

  it('are the whole schema where an event trigger may act', async () => {
    const trigger = { ...pieces[0], stage: 'event trigger' } as SchemaPiece;
    expect(await concernedObjects([...pieces, trigger], 'drop table quiet')).toBeUndefined();
  });
});

async function copyInto(database: Session, pieces: readonly SchemaPiece[]): Promise<void> {
  await database.script(
    'DROP SCHEMA IF EXISTS "Far off", near, public CASCADE; CREATE SCHEMA public',
  );
  const schemas = pieces.filter(({ name }) => name !== 'public' && name !== 'plpgsql');
  await database.script(`SET search_path = ''; ${statementsOfPieces(schemas).join(';')}`);
  await database.script('RESET search_path');
}

/** Returns what was observed, or the SQLSTATE of the error; the transaction is rolled back. */
async function observe(
  session: Session,
  observer: Awaited<ReturnType<typeof observerOf>>,
  text: string,
) {
  await observer.begin();
  try {
    for (const sql of text.startsWith('do ') ? [text] : text.split('; ')) {
      const isWrite = /^(?:insert|update|delete)/.test(sql);
      await observer.observe({ sql, isWrite }, () => session.script(sql));
    }
    return observer.take().map(sorted);
  } catch (error) {
    observer.take();
    return codeOf((error as Error).cause);
  } finally {
    await observer.rollback();
  }
}

/** The order of locks is that of the OIDs. */
function sorted(observation: object) {
  return Object.fromEntries(
    Object.entries(observation).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((each) => JSON.stringify(each)).toSorted() : value,
    ]),
  );
}
