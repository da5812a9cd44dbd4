import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../../src/db/connection-error.ts';
import type { StatementObservation } from '../../src/plan/observation.ts';
import { observerOf, type Observer } from '../../src/plan/observe/observer.ts';
import { openDatabase, type OpenDatabase } from '../db/session.ts';
import { targets } from '../db/targets.ts';
import { observedSchema, roleOfStatements } from './observed-schema.ts';
import { observedStatements } from './plan-page.ts';

/** Statements that fail because of rows, which a shadow does not have. */
const failsOnRows = new Set(['23502', '23503']);

/** What differs between a shadow and the tables of 20,000 rows in which the statements were observed. */
const exceptions: Record<string, { scans?: string[]; rewrites?: string[] }> = {
  'create index on p(k)': { scans: ['p1', 'p2', 'pdef'] },
  'alter table p add constraint pk1 primary key (id)': { scans: ['p1', 'p2', 'pdef'] },
  'alter table p add constraint f foreign key (ref_id) references r(id)': {
    scans: ['p', 'p1', 'p2', 'pdef', 'r'],
  },
  'alter table p alter column k set not null': { scans: ['p1', 'p2', 'pdef'] },
  // The default partition of the observed database was empty: it was scanned all the same.
  'alter table p attach partition pnew for values from (20000) to (30000)': {
    scans: ['pdef', 'pnew'],
  },
  'alter table p attach partition pnew_ck for values from (30000) to (40000)': { scans: ['pdef'] },
  'create table p3 partition of p for values from (40000) to (50000)': { scans: ['pdef'] },
  'create table p3 (like p); alter table p attach partition p3 for values from (40000) to (50000)':
    {
      scans: ['pdef'],
    },
  // A sequence has a new file, but no rows.
  'alter sequence sq restart': { rewrites: [] },
  'alter table idt alter column id type bigint': { rewrites: ['idt'] },
};

describe.each(targets)('the observer on $name', ({ ...target }) => {
  let database: OpenDatabase;
  let observer: Observer;

  beforeAll(async () => {
    database = await openDatabase(target);
    await database.session.script(`${observedSchema}\n${roleOfStatements}`);
    observer = await observerOf(database.session);
  });
  afterAll(() => database.end());

  it('observes locks, rewrites and scans of 126 statements without a row', async () => {
    const wrong: unknown[] = [];
    let observed = 0;
    for (const statement of observedStatements) {
      const found = await observe(statement.sql);
      if (typeof found === 'string') {
        const isOfMajor = target.major < 18 && (found === '42601' || found === '42809');
        if (!isOfMajor && found !== statement.fails) wrong.push([statement.sql, found]);
        continue;
      }
      if (statement.fails !== undefined && failsOnRows.has(statement.fails)) continue;
      observed += 1;
      const { sql, locks, rewrites, scans } = statement;
      const expected = { locks, rewrites, scans, ...exceptions[sql] };
      const isSame = JSON.stringify(found) === JSON.stringify(expected);
      if (!isSame) wrong.push({ sql, found, expected });
    }
    expect(wrong).toEqual([]);
    expect(observed).toBeGreaterThan(target.major < 18 ? 110 : 115);
  });

  it('sends no query of its own before SET TRANSACTION ISOLATION LEVEL', async () => {
    const settings = "-- a comment\nset local lock_timeout = '1s'";
    const level = 'set transaction isolation level serializable';
    const found = await observe(`${settings}; ${level}; alter table t add column z int`);
    expect(found).toEqual({ locks: { t: 'ACCESS EXCLUSIVE' }, rewrites: [], scans: [] });
  });

  /** Returns what was observed, or the SQLSTATE of its error. */
  async function observe(sql: string) {
    const { session } = database;
    await observer.begin();
    await session.script("SET LOCAL TimeZone = 'Europe/Berlin'");
    let failure = '';
    for (const each of sql.split('; ')) {
      const isWrite = /^(?:update|delete)/.test(each);
      await observer
        .observe({ sql: each, isWrite }, () => session.script(each))
        .catch((error: unknown) => {
          failure = codeOf((error as Error).cause);
        });
      if (failure) break;
    }
    const found = summary(observer.take());
    await observer.rollback();
    return failure || found;
  }
});

function summary(observations: readonly StatementObservation[]) {
  const locks = observations.flatMap((each) => each.locks);
  const byName = (relations: readonly { name: string }[]) => [
    ...new Set(relations.map(({ name }) => name).toSorted()),
  ];
  return {
    locks: Object.fromEntries(
      locks
        .map(({ relation, mode }) => [relation.name, mode] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ),
    rewrites: byName(
      observations.flatMap(({ rewrites, truncates }) => [...rewrites, ...truncates]),
    ),
    scans: byName(
      observations.flatMap(({ scans, builds, rewrites }) => [
        ...scans.map(({ relation }) => relation),
        ...builds.map(({ relation }) => relation),
        ...rewrites,
      ]),
    ),
  };
}
