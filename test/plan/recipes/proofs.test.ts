import { afterAll, beforeAll, describe, expect, vi } from 'vitest';
import type { Session } from '../../../src/db/session.ts';
import { dbops } from '../../../src/formats/dbops/index.ts';
import { observeAll } from '../../../src/plan/observe/run.ts';
import type { FoundRecipe } from '../../../src/plan/recipes/find-recipe.ts';
import type { MigrationObservation } from '../../../src/plan/observation.ts';
import { migrationOf, proveRecipe } from '../../../src/shadow/prove-equal-schema.ts';
import { judgeMigrations } from '../../../src/plan/verdict.ts';
import { withSession } from '../../db/session.ts';
import { createFilled, inTurn, servers, type Database, type Target } from '../../db/targets.ts';
import { recipeCases, tables, type RecipeCase } from './cases.ts';
import { filesFor, inRolledBackTransaction } from './recipe-files.ts';

vi.setConfig({ testTimeout: 120_000 });

const migration = {
  name: '0002_change',
  up: { kind: 'sql', file: '0002_change.up.sql', sql: '' },
} as const;
const basis = { format: dbops, settings: '' };
const context = { progress: { update() {}, above() {}, clear() {} } };

const createTables = (target: Target) =>
  createFilled(target, 'recipes', (url) => withSession(url, (session) => session.script(tables)));

/** Runs `work` in a database with the tables and the setup of a case. */
async function before<T>(
  target: Target,
  { setup }: Pick<RecipeCase, 'setup'>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const database = await createTables(target);
  try {
    return await withSession(database.url, async (session) => {
      if (setup !== undefined) await session.script(setup);
      return work(session);
    });
  } finally {
    await database.drop();
  }
}

describe.each(servers)('recipes on $name', (target) => {
  const it = inTurn(target, servers);
  let shared: Database;
  beforeAll(async () => {
    shared = await createTables(target);
  });
  afterAll(() => shared.drop());

  const recipesOf = ({ setup, sql, isHeldOnly }: RecipeCase) =>
    withSession(shared.url, (session) =>
      inRolledBackTransaction(session, async () => {
        if (setup !== undefined) await session.script(setup);
        return filesFor(session, sql, isHeldOnly);
      }),
    );

  it.each(recipeCases)(
    'produce the schema of the original, and read no rows under a lock that blocks: $title',
    async (each: RecipeCase) => {
      const { found, files } = await recipesOf(each);
      expect(found.flatMap(({ recipes }) => recipes.map(({ name }) => name))).toEqual(each.recipes);
      if (each.notes)
        expect(found.flatMap(({ notes }) => notes)).toEqual(
          each.notes.map((note) => expect.stringMatching(note)),
        );
      const sqlWithComments = `-- above everything\n/* and; -- more */ ${each.sql.replace(' ', ' /* within */ ')} -- end`;
      const commented = await recipesOf({ ...each, sql: sqlWithComments });
      expect(withoutComments(commented.found)).toEqual(withoutComments(found));
      const afterwards = each.afterwards === undefined ? [] : [each.afterwards];
      const pending = files.map((file) => migrationOf(migration, file));
      let observed: MigrationObservation[] = [];
      const proof = await proveRecipe({
        format: dbops,
        original: migrationOf(migration, { suffix: '', sql: each.sql, noTransaction: false }),
        async apply(shadow) {
          observed = await observeAll(shadow, { context, pending, basis });
          for (const sql of afterwards) await shadow.script(sql);
        },
        before: (work) => before(target, each, work),
      });
      expectProof(
        target.major,
        each,
        proof.isProven ? [] : proof.reason,
        found.flatMap((recipe) => recipe.differs ?? []),
      );
      const limits = { maxBlocked: 1, maxDuration: 1 };
      const plan = await judgeMigrations(observed, {
        facts: undefined,
        limits,
        violations: new Map(),
      });
      const blocking = plan
        .flatMap(({ statements }) => statements)
        .filter(({ verdict, blocked }) => verdict !== 'ok' && blocked.length > 0);
      expect(blocking.map(({ statement }) => statement.sql)).toEqual([]);
    },
  );
});

function withoutComments(found: readonly FoundRecipe[]): string[] {
  const statements = found.flatMap(({ steps }) => steps.flatMap((step) => step.statements));
  return statements.map((sql) =>
    sql.replaceAll(/\/\* within \*\/|\s+/g, ' ').replaceAll(/ +/g, ' '),
  );
}

/** @param lines what differs; `said`: what the report says of that */
function expectProof(
  major: number,
  { differs }: RecipeCase,
  lines: readonly string[],
  said: readonly string[],
): void {
  if (!differs || major < differs.from) {
    expect([lines, said]).toEqual([[], []]);
    return;
  }
  expect(lines).not.toEqual([]);
  expect(lines.filter((line) => !differs.found.test(line))).toEqual([]);
  expect(said).toEqual([expect.stringMatching(differs.because)]);
}
