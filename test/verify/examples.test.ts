import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checks as applicationChecks } from '../../src/reference/checks/index.ts';
import { checks } from '../../src/verify/checks/index.ts';
import { checkExamples } from './check-examples.ts';
import type { Finding } from '../../src/report.ts';
import { openComparison, type Comparison } from '../catalog/comparison.ts';
import { reference, trialOf } from '../catalog/trial.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { splitStatements } from '../../src/sql/statements.ts';
import { createDatabase, targets, type Database } from '../db/targets.ts';

const names = [...checks, ...applicationChecks].map(({ name }) => name);
const examples = names.flatMap((check) =>
  (checkExamples[check] ?? []).map((example) => ({ check, ...example })),
);

it('has an example of every check', () => {
  expect(Object.keys(checkExamples)).toEqual(names);
});

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

  it('finds nothing after the migrations', async () => {
    expect(await findings()).toEqual([]);
  });

  it.each(examples)('reports $finding by $check, and nothing once it is fixed', async (example) => {
    await run(example.breaks);
    const found = await findings();
    expect(found.map(({ code }) => code)).toContain(example.finding);
    expect(found).toEqual(found.map((each) => complete(each)));
    expect(new Set(found.map(({ key }) => key)).size).toBe(found.length);
    await run(example.mends);
    expect(await findings()).toEqual([]);
  });

  it.each(examples)('fixes $finding with the SQL in its help', async (example) => {
    await run(example.breaks);
    const finding = (await findings()).find(({ code }) => code === example.finding);
    const sql = sqlOf(finding?.help ?? '');
    expect(sql !== undefined).toBe(!withoutSql.has(example.finding));
    await run(sql ?? example.mends);
    expect(await findings()).toEqual([]);
  });
});

/** Findings that need a decision or another command. */
const withoutSql = new Set([
  'extra-constraint',
  'extra-index',
  'extra-table',
  'missing-table',
  'plan-features',
  // No migration creates the view of its example, so it is dropped.
  'unpopulated-view',
  'users-columns',
]);

function sqlOf(help: string): string | undefined {
  return /: ((?:ALTER|BEGIN|CREATE|DROP|REINDEX|SELECT)\b.*;)$/s.exec(help)?.[1];
}

/** A finding with every key of the contract. */
function complete(found: Finding): unknown {
  return {
    ...found,
    message: expect.stringMatching(/\S/),
    help: expect.stringMatching(/\S/),
    where: { ...found.where, object: expect.stringContaining('public.') },
  };
}
