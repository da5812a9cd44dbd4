import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { splitStatements } from '../../src/sql/statements.ts';
import type { SnapshotOptions } from '../../src/catalog/snapshot.ts';
import { folderOf } from '../cli/run-cli.ts';
import {
  createDatabase,
  inTurn,
  sameCatalogs,
  targets,
  type Database,
  type Target,
} from '../db/targets.ts';
import { openComparison, type Comparison } from './comparison.ts';
import { grantMutations, indifferent, mutations, mutationsOf18 } from './mutations.ts';
import { replaced, thingMutations, things } from './things.ts';
import { migrated, trialOf } from './trial.ts';
import { menagerie, zoo } from './zoo.ts';

/** A database that has the migrations, and a comparison with them; gone after the suite. */
function compared(target: Target, files: Record<string, string>, options: SnapshotOptions = {}) {
  const made: { comparison: Comparison; database: Database; live: Session }[] = [];
  beforeAll(async () => {
    const folder = folderOf(files);
    const database = await createDatabase(target);
    await trialOf(database.url, folder).migrateUp();
    const live = await openSession(parseTarget(database.url), {
      application: 'dbops test',
      path: 'DEFAULT',
    });
    made.push({ database, live, comparison: await openComparison(folder, options) });
  });
  afterAll(async () => {
    for (const { comparison, database, live } of made) {
      await Promise.all([comparison.close(), live.close()]);
      await database.drop();
    }
  });
  return () => made[0] ?? expect.fail();
}

describe.each(targets)('a comparison on $name', (target) => {
  const it = inTurn(target, sameCatalogs(target));
  const scene = compared(target, { ...zoo, ...menagerie });

  const all = target.major >= 18 ? [...mutations, ...mutationsOf18] : mutations;
  it.each(all)('reports: %s', async (sql, ...expected) => {
    const { comparison, live } = scene();
    const found = await comparison.differencesAfter(live, sql);
    if (expected.at(-1) === '*')
      expect(found).toEqual(expect.arrayContaining(expected.slice(0, -1)));
    else expect(found.toSorted()).toEqual(expected.toSorted());
  });

  it.each(indifferent)('does not tell of: %s', async (sql) => {
    const { comparison, live } = scene();
    expect(await comparison.differencesAfter(live, sql)).toEqual([]);
  });
});

describe.each(targets)('rights on $name', (target) => {
  const it = inTurn(target, sameCatalogs(target));
  const scene = compared(target, { ...zoo, ...menagerie }, { grants: true });

  it.each(grantMutations)('are compared: %s', async (sql, ...expected) => {
    const { comparison, live } = scene();
    expect(await comparison.differencesAfter(live, sql)).toEqual(expected);
  });
});

describe.each(targets)('findings on $name', (target) => {
  const it = inTurn(target, sameCatalogs(target));
  const scene = compared(target, things);
  const { '0001_things.up.sql': schema = '' } = things;
  afterEach(async () => {
    const { live } = scene();
    await live.script('DROP SCHEMA IF EXISTS attic CASCADE');
    await live.script(`DROP TABLE IF EXISTS things, owners, others, parts; ${schema}`);
  });

  it.each(thingMutations)('tell of: %s', async (_, sql, expected) => {
    const { comparison, live } = scene();
    for (const statement of await splitStatements(sql)) await live.script(statement.sql);
    const found = await comparison.findings(live);
    const told = found.map(({ code, where }) => `${code} ${where.object}`);
    expect(told.toSorted()).toEqual(expected.toSorted());
  });

  it.each([
    ['a missing index', 'DROP INDEX things_ba'],
    ['a missing index of a partitioned table', 'DROP INDEX parts_id'],
    [
      'another index of a partitioned table',
      'DROP INDEX parts_id; CREATE INDEX parts_id ON parts (at)',
    ],
    ['a missing primary key', 'ALTER TABLE things DROP CONSTRAINT things_pkey'],
    ['another foreign key', replaced('things_owner', 'FOREIGN KEY (owner) REFERENCES owners')],
    ['another exclusion', replaced('things_during', 'EXCLUDE USING gist (during WITH -|-)')],
    [
      'what REINDEX left behind',
      `CREATE INDEX things_ba_ccnew ON things (b);
      UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'things_ba_ccnew'::regclass`,
    ],
  ])('have a help that heals %s', async (_, sql) => {
    const { comparison, live } = scene();
    await live.script(sql);
    const found = await comparison.findings(live);
    const [, repair = ''] = /: ([A-Z]{4,} ?.*;)$/.exec(found.at(-1)?.help ?? '') ?? [];
    await live.script(repair);
    expect(await comparison.findings(live)).toEqual([]);
  });
});

describe.each(targets)('verify on $name', (target) => {
  it('says what is wrong, who made it, and what to do', () =>
    migrated(target, folderOf(things), async ({ sql, verify }) => {
      await sql('DROP INDEX things_ba');
      const definition = 'CREATE INDEX things_ba ON public.things USING btree (b) INCLUDE (a)';
      expect(await verify({ words: ['schema'] })).toMatchObject({
        exitCode: 4,
        ok: false,
        counts: { error: 1, warning: 0, info: 0 },
        findings: [
          {
            code: 'missing-index',
            severity: 'error',
            message: `things_ba on public.things is missing: ${definition}`,
            help: 'Create it: CREATE INDEX CONCURRENTLY "things_ba" ON public.things USING btree (b) INCLUDE (a);',
            where: { object: 'things_ba on public.things', migration: '0001_things' },
            key: 'missing-index:things_ba on public.things',
            definitions: { expected: definition },
          },
        ],
      });
    }));
});
