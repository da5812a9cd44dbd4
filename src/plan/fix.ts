import type { Session } from '../db/session.ts';
import { messageOf } from '../errors.ts';
import { shellWord } from '../output/shell.ts';
import type { Migration } from '../migration.ts';
import { replayOne, settingsOf } from '../shadow/replay.ts';
import { readDirectives } from '../sql/directives.ts';
import { lineOf } from '../sql/statements.ts';
import type { Basis } from '../schema-dump/shadow-basis.ts';
import { changesType } from './find.ts';
import { observeAll } from './observe/run.ts';
import { findRecipe, type FoundRecipe } from './recipes/find-recipe.ts';
import { parseStatements } from './recipes/parse-statements.ts';
import { migrationOf, proveRecipe, type RecipeProof } from '../shadow/prove-equal-schema.ts';
import { readRecipeCatalog } from './recipes/read-catalog.ts';
import { rewriteMigration, type RecipeFile } from './recipes/rewrite-migration.ts';
import type { PlanResult } from './report.ts';
import type { MigrationPlanRequest } from './run.ts';
import { judgeMigrations, type MigrationVerdict, type StatementVerdict } from './verdict.ts';

/** The safe form of a migration. */
export interface MigrationFix {
  migration: Migration;
  /** The names of the recipes, in the order of their statements. */
  recipes: string[];
  files: RecipeFile[];
  /** Whether the files produce the schema of the migration. */
  proof: RecipeProof;
  /** The plan of the files. */
  plan: MigrationVerdict[];
  /** What a person has to do. */
  notes: string[];
  /** Why the schema is another one, where a recipe makes another one. */
  differs: string[];
}

/** A migration whose statements have no recipe, or could not be rewritten. */
export interface Unfixed {
  migration: string;
  reason: string;
}

/**
 * Returns the safe form of every pending migration of which a statement blocks. Each is run in a shadow
 * database of its own, behind the pending migrations before it, and compared with the original.
 */
export async function fixesFor(
  request: MigrationPlanRequest,
  result: PlanResult,
): Promise<{ fixes: MigrationFix[]; unfixed: Unfixed[] }> {
  const fixes: MigrationFix[] = [];
  const unfixed: Unfixed[] = [];
  for (const [at, migration] of request.pending.entries()) {
    const verdict = result.migrations[at];
    const blocking = verdict?.statements.filter(isFixable) ?? [];
    if (blocking.length === 0) continue;
    request.context.progress.update(`proving the safe form of ${migration.name}`);
    const earlier = request.pending.slice(0, at);
    const before = <T>(work: (shadow: Session) => Promise<T>) =>
      inShadowAfter(result.basis, earlier, work);
    const fix = await fixOf({ request, result, migration, blocking, before }).catch(
      (error: unknown) => messageOf(error),
    );
    if (typeof fix === 'string') unfixed.push({ migration: migration.name, reason: fix });
    else fixes.push(fix);
  }
  return { fixes, unfixed };
}

function isFixable({ verdict, blocked }: StatementVerdict): boolean {
  return verdict === 'blocks' || (verdict === 'unknown' && blocked.length > 0);
}

function inShadowAfter<T>(
  { inShadow, format }: Basis,
  earlier: readonly Migration[],
  work: (shadow: Session) => Promise<T>,
): Promise<T> {
  return inShadow(async (shadow) => {
    for (const migration of earlier) await replayOne(shadow, migration, format);
    return work(shadow);
  });
}

interface Fixing {
  request: MigrationPlanRequest;
  result: PlanResult;
  migration: Migration;
  blocking: readonly StatementVerdict[];
  /** Runs `work` in a shadow with the migrations before this one. */
  before<T>(work: (shadow: Session) => Promise<T>): Promise<T>;
}

/** @returns a sentence where no file can be written */
async function fixOf(fixing: Fixing): Promise<MigrationFix | string> {
  const { request, result, migration, blocking, before } = fixing;
  const { up, name } = migration;
  if (up.kind !== 'sql') return 'it is a module, whose statements dbops does not rewrite';
  const found = await before((shadow) => findRecipes(shadow, fixing, up.sql));
  if (found.length === 0)
    return blocking.some(({ statement }) => changesType(statement))
      ? `a change of type needs a backfill: dbops migrate expand-contract ${shellWord(name)}`
      : 'no recipe applies to its statements';
  const { noTransaction } = readDirectives(up.sql, name);
  const isStepwise = noTransaction || up.noTransaction === true;
  const files = await rewriteMigration({ sql: up.sql, noTransaction: isStepwise, recipes: found });
  const { format } = result.basis;
  const proof = await proveRecipe({ format, original: migration, files, before });
  const pending = files.map((file) => migrationOf(migration, file));
  const { context, limits } = request;
  const observed = await before((shadow) =>
    observeAll(shadow, { context, pending, basis: result.basis }),
  );
  const plan = await judgeMigrations(observed, {
    facts: result.facts,
    limits,
    violations: new Map(),
  });
  const notes = found.flatMap((each) => each.notes);
  const differs = found.flatMap((each) => each.differs ?? []);
  const recipes = found.flatMap((each) => each.recipes.map((recipe) => recipe.name));
  return { migration, recipes, files, proof, plan, notes, differs };
}

/** Runs the statements one after the other, and finds the recipe of each that blocks before it runs. */
async function findRecipes(
  shadow: Session,
  { result, blocking }: Fixing,
  sql: string,
): Promise<FoundRecipe[]> {
  const major = Number.parseInt(result.facts?.serverVersion ?? shadow.server.version, 10);
  await shadow.script(`${settingsOf(result.basis.format)}; ${result.basis.settings}`);
  const lines = new Set(blocking.map(({ statement }) => statement.line));
  const found: FoundRecipe[] = [];
  for (const statement of await parseStatements(sql)) {
    const facts = { major, catalog: readRecipeCatalog(shadow) };
    const isReplaced = found.some(({ replaces = [] }) => replaces.includes(statement.offset));
    const isBlocking = lines.has(lineOf(sql, statement.offset));
    const recipe = isBlocking && !isReplaced ? await findRecipe(statement, facts) : undefined;
    if (recipe) found.push(recipe);
    await shadow.script(statement.sql);
  }
  return found;
}
