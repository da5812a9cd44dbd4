import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { folderOf } from '../cli/run-cli.ts';
import { createDatabase, targets, type Database } from '../db/targets.ts';
import { openFullBench, type FullBench } from './full-bench.ts';
import { indifferent, mutations } from './mutations.ts';
import { trialOf } from './trial.ts';
import { menagerie, zoo } from './zoo.ts';

describe.each(targets)('a complete comparison on $name', (target) => {
  let bench: FullBench;
  let database: Database;
  let live: Session;

  beforeAll(async () => {
    const folder = folderOf({ ...zoo, ...menagerie });
    bench = await openFullBench(folder);
    database = await createDatabase(target);
    await trialOf(database.url, folder).migrateUp();
    live = await openSession(parseTarget(database.url), { application: 'dbops test' });
  });
  afterAll(async () => {
    await Promise.all([bench.close(), live.close()]);
    await database.drop();
  });

  it.each(mutations)('tells of: %s', async (sql, ...expected) => {
    const found = await bench.differencesAfter(live, sql);
    if (expected.at(-1) === '*')
      expect(found).toEqual(expect.arrayContaining(expected.slice(0, -1)));
    else expect(found.toSorted()).toEqual(expected.toSorted());
  });

  it.each(indifferent)('does not tell of: %s', async (sql) => {
    expect(await bench.differencesAfter(live, sql)).toEqual([]);
  });
});
