import type { Session } from '../../../src/db/session.ts';
import { findRecipe, type FoundRecipe } from '../../../src/plan/recipes/find-recipe.ts';
import { parseStatements } from '../../../src/plan/recipes/parse-statements.ts';
import { readRecipeCatalog } from '../../../src/plan/recipes/read-catalog.ts';
import { rewriteMigration } from '../../../src/plan/recipes/rewrite-migration.ts';

/** Applies the recipes of every statement, each as of its moment, and returns the files. */
export async function filesFor(session: Session, sql: string) {
  const facts = { major: session.server.major, catalog: readRecipeCatalog(session) };
  const found: FoundRecipe[] = [];
  for (const statement of await parseStatements(sql)) {
    const isReplaced = found.some(({ replaces = [] }) => replaces.includes(statement.offset));
    const recipe = isReplaced ? undefined : await findRecipe(statement, facts);
    if (recipe) found.push(recipe);
    await session.script(statement.sql);
  }
  const files = await rewriteMigration({ sql, noTransaction: false, recipes: found });
  return { found, files };
}
