import { describe, expect, vi } from 'vitest';
import type { Session } from '../../../src/db/session.ts';
import { dbops } from '../../../src/formats/dbops/index.ts';
import { migrationOf, proveRecipe } from '../../../src/shadow/prove-equal-schema.ts';
import { withSession } from '../../db/session.ts';
import { createFilled, inTurn, servers, type Target } from '../../db/targets.ts';
import { recipeCases, tables, type RecipeCase } from './cases.ts';
import { filesFor } from './recipe-files.ts';

vi.setConfig({ testTimeout: 120_000 });

const originalOf = (sql: string) =>
  migrationOf(
    { name: '0002_change', up: { kind: 'sql', file: '0002_change.up.sql', sql } },
    { suffix: '', sql, noTransaction: false },
  );

/** Runs `work` in a database with the tables and the setup of a case. */
async function before<T>(
  target: Target,
  { setup }: Pick<RecipeCase, 'setup'>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const fill = (url: string) => withSession(url, (session) => session.script(tables));
  const database = await createFilled(target, 'recipes', fill);
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
  const cases = recipeCases.filter(({ from = 15 }) => target.major >= from);
  it.each(cases)('produce the schema of the original: $title', async (each: RecipeCase) => {
    const { found, files } = await before(target, each, (session) => filesFor(session, each.sql));
    expect(found.flatMap(({ recipes }) => recipes.map(({ name }) => name))).toEqual(each.recipes);
    const proof = await proveRecipe({
      format: dbops,
      original: originalOf(each.sql),
      files,
      before: (work) => before(target, each, work),
    });
    expect(proof).toEqual({ isProven: true });
  });
});
