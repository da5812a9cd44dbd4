import { describe, expect, it, vi } from 'vitest';
import { targets, withDatabase } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { lossesOf } from './session.ts';

// A PGlite takes seconds to open on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const create = `CREATE TYPE small AS ENUM ('a', 'b'); CREATE TYPE big AS ENUM ('c', 'b', 'a');
  CREATE TYPE pair AS (one int, two text); CREATE DOMAIN code AS varchar(5);
  CREATE TABLE t (id int, k int, c varchar(5), n numeric(8,2), e small, p pair, d code, s small[], m money, g int GENERATED ALWAYS AS (k) STORED);
  CREATE TABLE parts (id int, v text) PARTITION BY LIST (id); CREATE TABLE part PARTITION OF parts DEFAULT;
  CREATE TABLE base (x int); CREATE TABLE heir () INHERITS (base);
  CREATE MATERIALIZED VIEW seen AS SELECT id FROM parts`;

const harmless = [
  'ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME c TO d2; CREATE SCHEMA s; ALTER TABLE u SET SCHEMA s',
  'ALTER TABLE t ALTER c TYPE varchar(6)',
  'ALTER TABLE t ALTER c TYPE text',
  'ALTER TABLE t ALTER id TYPE bigint',
  'ALTER TABLE t ALTER n TYPE numeric(10,3)',
  'ALTER TABLE t ALTER n TYPE numeric',
  'ALTER TABLE t ALTER e TYPE big USING e::text::big',
  'ALTER TABLE t ALTER e TYPE text',
  'ALTER TABLE t ALTER d TYPE varchar(5)',
  'ALTER TABLE t ALTER s TYPE big[] USING s::text[]::big[]',
  `ALTER TYPE small RENAME TO smaller; ALTER TYPE smaller ADD VALUE 'z'`,
  'ALTER TABLE t DROP COLUMN g',
  'ALTER TABLE parts DETACH PARTITION part; DROP MATERIALIZED VIEW seen',
  'CREATE TABLE passing (); DROP TABLE passing; CREATE TEMP TABLE x AS SELECT 1; DROP TABLE x',
];

const destroying: [script: string, ...losses: string[]][] = [
  ['DROP TABLE t', 'table t'],
  [
    'ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME c TO other; ALTER TABLE u DROP COLUMN other',
    'dropped t.c',
  ],
  ['ALTER TABLE t DROP COLUMN c, ADD COLUMN c varchar(5)', 'dropped t.c'],
  ['ALTER TABLE t ALTER c TYPE varchar(4)', 'narrowed t.c'],
  ['ALTER TABLE t ALTER c TYPE int USING c::int', 'narrowed t.c'],
  ['ALTER TABLE t ALTER n TYPE numeric(8,1)', 'narrowed t.n'],
  ['ALTER TABLE t ALTER n TYPE int', 'narrowed t.n'],
  ['ALTER TABLE t ALTER m TYPE text', 'narrowed t.m'],
  [
    `ALTER TYPE small RENAME TO old; CREATE TYPE small AS ENUM ('a'); ALTER TABLE t DROP COLUMN s, ALTER e TYPE small USING e::text::small`,
    'narrowed t.e',
    'dropped t.s',
  ],
  ['ALTER TYPE pair DROP ATTRIBUTE two', 'narrowed t.p'],
  ['DROP TYPE small CASCADE', 'dropped t.e', 'dropped t.s'],
  ['DROP MATERIALIZED VIEW seen; DROP TABLE parts', 'table parts'],
  ['DROP TABLE part', 'table part'],
  ['ALTER TABLE parts DROP COLUMN v', 'dropped parts.v'],
  ['ALTER TABLE base DROP COLUMN x', 'dropped base.x', 'dropped heir.x'],
  ['DROP SCHEMA public CASCADE', 'table base', 'table heir', 'table parts', 'table t'],
];

describe.each(targets)('the losses of a script on $name', (target) => {
  it('are what the catalog no longer has, and nothing else', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        await session.script(create);
        for (const script of harmless)
          expect({ script, losses: await lossesOf(session, script) }).toEqual({
            script,
            losses: [],
          });
        for (const [script, ...expected] of destroying) {
          const losses = (await lossesOf(session, script)).map((loss) =>
            loss.kind === 'table'
              ? `table ${loss.table}`
              : `${loss.change} ${loss.table}.${loss.column}`,
          );
          expect({ script, losses }).toEqual({ script, losses: expected });
        }
      }),
    ));
});
