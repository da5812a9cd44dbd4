import type { Session } from '../../../src/db/session.ts';
import { findRecipe, type FoundRecipe } from '../../../src/plan/recipes/find-recipe.ts';
import { parseStatements } from '../../../src/plan/recipes/parse-statements.ts';
import { readRecipeCatalog } from '../../../src/plan/recipes/read-catalog.ts';
import { localPath } from '../../../src/plan/recipes/session-settings.ts';
import { rewriteMigration, type RecipeFile } from '../../../src/plan/recipes/rewrite-migration.ts';

/**
 * Applies the recipes of every statement, each as of its moment, and returns the files, with an UPDATE in
 * place of every backfill.
 */
export async function filesFor(session: Session, sql: string, isHeldOnly = false) {
  const { major } = session.server;
  let path: string | undefined;
  const found: FoundRecipe[] = [];
  for (const statement of await parseStatements(sql)) {
    const facts = {
      major,
      migration: '0002_change',
      isHeldOnly: isHeldOnly && statement.later.length === 0,
      catalog: readRecipeCatalog(session, path),
    };
    const isReplaced = found.some(({ replaces = [] }) => replaces.includes(statement.offset));
    const recipe = isReplaced ? undefined : await findRecipe(statement, facts);
    if (recipe) found.push(recipe);
    // A new value of an enum type cannot be used in the transaction that adds it.
    if (statement.later.length > 0) await session.script(statement.sql);
    path = localPath(statement.sql) ?? path;
  }
  const files = await rewriteMigration({ sql, noTransaction: false, recipes: found });
  return { found, files: files.flatMap((file) => [...fillsBefore(file, found), file]) };
}

function fillsBefore({ head }: RecipeFile, found: readonly FoundRecipe[]): RecipeFile[] {
  const backfills = found.flatMap((recipe) => recipe.backfills ?? []);
  return backfills
    .filter(({ name }) => head.includes(`dbops: requires-backfill ${name}`))
    .map(({ target: { table, set, done } }) => {
      const sql = `UPDATE ${table} SET ${set} WHERE NOT (${done})`;
      return { suffix: 'fill', head: [], statements: [sql], undo: [], sql, noTransaction: false };
    });
}

/** Runs `work` in a transaction that is rolled back. */
export async function inRolledBackTransaction<T>(
  session: Session,
  work: () => Promise<T>,
): Promise<T> {
  await session.script('BEGIN');
  try {
    return await work();
  } finally {
    await session.script('ROLLBACK');
  }
}
