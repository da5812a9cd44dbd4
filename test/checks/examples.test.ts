import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checks } from '../../src/checks/index.ts';
import type { Finding } from '../../src/report.ts';
import { openComparison, type Comparison } from '../catalog/comparison.ts';
import { reference, trialOf } from '../catalog/trial.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { splitStatements } from '../../src/sql/statements.ts';
import { createDatabase, targets, type Database } from '../db/targets.ts';

const examples = checks.flatMap(({ name, examples: own }) =>
  own.map((example) => ({ check: name, ...example })),
);

describe.each(targets)('the checks on $name', (target) => {
  let comparison: Comparison;
  let database: Database;
  let live: Session;

  beforeAll(async () => {
    comparison = await openComparison(reference);
    database = await createDatabase(target);
    await trialOf(database.url, reference).migrateUp();
    live = await openSession(parseTarget(database.url), {
      application: 'dbops test',
      path: 'DEFAULT',
    });
  });

  afterAll(async () => {
    await Promise.all([comparison.close(), live.close()]);
    await database.drop();
  });

  const findings = () => comparison.findings(live);
  const run = async (sql: string) => {
    for (const statement of await splitStatements(sql)) await live.script(statement.sql);
  };

  it('find nothing in what the migrations make', async () => {
    expect(await findings()).toEqual([]);
  });

  it.each(examples)('$check finds a $finding, and no more when it is mended', async (example) => {
    await run(example.breaks);
    const found = await findings();
    expect(found.map(({ code }) => code)).toContain(example.finding);
    expect(found).toEqual(found.map((each) => complete(each)));
    expect(new Set(found.map(({ key }) => key)).size).toBe(found.length);
    await run(example.mends);
    expect(await findings()).toEqual([]);
  });

  it.each(examples)('$check heals a $finding with the SQL of its help', async (example) => {
    await run(example.breaks);
    const finding = (await findings()).find(({ code }) => code === example.finding);
    const sql = sqlOf(finding?.help ?? '');
    expect(sql !== undefined).toBe(!withoutSql.has(example.finding));
    await run(sql ?? example.mends);
    expect(await findings()).toEqual([]);
  });
});

/** What a person has to decide, or another command does. */
const withoutSql = new Set([
  'extra-constraint',
  'extra-index',
  'extra-table',
  'missing-table',
  'plan-features',
  // The view of its example is no migration's: it has to go.
  'unpopulated-view',
  'users-columns',
]);

function sqlOf(help: string): string | undefined {
  return /: ((?:ALTER|BEGIN|CREATE|DROP|REINDEX|SELECT)\b.*;)$/s.exec(help)?.[1];
}

/** A finding as the contract wants it. */
function complete(found: Finding): unknown {
  return {
    ...found,
    message: expect.stringMatching(/\S/),
    help: expect.stringMatching(/\S/),
    where: { ...found.where, object: expect.stringContaining('public.') },
  };
}
