import type { Session } from '../db/session.ts';
import { messageOf } from '../errors.ts';
import type { Migration } from '../migration.ts';
import { replayOne, settingsOf } from '../shadow/replay.ts';
import { readDirectives } from '../sql/directives.ts';
import { lineOf } from '../sql/statements.ts';
import type { Basis } from '../schema-dump/shadow-basis.ts';
import type { MigrationObservation } from './observation.ts';
import { observeAll } from './observe/run.ts';
import { adviceOn, findRecipe, type FoundRecipe } from './recipes/find-recipe.ts';
import { parseStatements } from './recipes/parse-statements.ts';
import { migrationOf, proveRecipe, type RecipeProof } from '../shadow/prove-equal-schema.ts';
import type { RecipeBackfill } from './recipes/recipe.ts';
import { readRecipeCatalog } from './recipes/read-catalog.ts';
import { localPath } from './recipes/session-settings.ts';
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
  /** What gives existing rows their values between the files. */
  backfills: RecipeBackfill[];
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
  /** What to do instead, a sentence for each statement of which that is known. */
  advice: string[];
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
    const failing = verdict?.statements.filter((each) => each.verdict === 'fails') ?? [];
    if (blocking.length + failing.length === 0) continue;
    request.context.progress.update(`proving the safe form of ${migration.name}`);
    const earlier = request.pending.slice(0, at);
    const before = <T>(work: (shadow: Session) => Promise<T>) =>
      inShadowAfter(result.basis, earlier, work);
    const fixing = { request, result, migration, blocking, failing, before };
    const fix = await fixOf(fixing).catch((error: unknown) => without(messageOf(error)));
    if ('files' in fix) fixes.push(fix);
    else if (blocking.length + fix.advice.length > 0)
      unfixed.push({ migration: migration.name, ...fix });
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
  /** Statements that existing rows violate. */
  failing: readonly StatementVerdict[];
  /** Runs `work` in a shadow with the migrations before this one. */
  before<T>(work: (shadow: Session) => Promise<T>): Promise<T>;
}

type NotFixed = Omit<Unfixed, 'migration'>;

function without(reason: string, advice: string[] = []): NotFixed {
  return { reason, advice };
}

async function fixOf(fixing: Fixing): Promise<MigrationFix | NotFixed> {
  const { request, result, migration, before } = fixing;
  const { up, name } = migration;
  if (up.kind !== 'sql') return without('it is a module, whose statements dbops does not rewrite');
  const { found, advice } = await before((shadow) => findRecipes(shadow, fixing, up.sql));
  if (found.length === 0)
    return without(
      fixing.blocking.length > 0
        ? 'no recipe applies to its statements'
        : 'existing rows violate its statements',
      advice,
    );
  const { noTransaction } = readDirectives(up.sql, name);
  const isStepwise = noTransaction || up.noTransaction === true;
  const { format } = result.basis;
  const files = await rewriteMigration({
    sql: up.sql,
    noTransaction: isStepwise,
    isAlone: format.runsStatementAlone === true,
    recipes: found,
  });
  const pending = files.map((file) => migrationOf(migration, file));
  const { context, limits } = request;
  let observed: MigrationObservation[] = [];
  const apply = async (shadow: Session) => {
    observed = await observeAll(shadow, { context, pending, basis: result.basis });
  };
  const proof = await proveRecipe({ format, original: migration, apply, before });
  const plan = await judgeMigrations(observed, {
    facts: result.facts,
    limits,
    violations: new Map(),
  });
  const notes = [
    ...found.flatMap((each) => each.notes),
    ...advice,
    ...notesOnTool(format, files, found),
  ];
  const differs = found.flatMap((each) => each.differs ?? []);
  const recipes = found.flatMap((each) => each.recipes.map((recipe) => recipe.name));
  const backfills = found.flatMap((each) => each.backfills ?? []);
  return { migration, recipes, files, backfills, proof, plan, notes, differs };
}

/** Returns why the files are for `dbops migrate up`, and not for the tool of the folder. */
function notesOnTool(
  { name, needsDirective, runsStatementAlone }: Basis['format'],
  files: readonly RecipeFile[],
  found: readonly FoundRecipe[],
): string[] {
  if (needsDirective) return [];
  const reasons = [
    ...(!runsStatementAlone && files.some(({ noTransaction }) => noTransaction)
      ? ['sends a file as one transaction or one message, where CONCURRENTLY fails']
      : []),
    ...(found.some(({ backfills = [] }) => backfills.length > 0)
      ? ['runs no backfill, so that the UPDATE behind it would write all rows in one transaction']
      : []),
  ];
  if (reasons.length === 0) return [];
  return [
    `Apply the files with dbops migrate up: ${name} ${reasons.join(', and ')}. ${name} then finds them recorded.`,
  ];
}

/** Runs the statements one after the other, and finds the recipe of each that blocks before it runs. */
async function findRecipes(
  shadow: Session,
  { result, migration: { name }, blocking, failing }: Fixing,
  sql: string,
): Promise<{ found: FoundRecipe[]; advice: string[] }> {
  const major = Number.parseInt(result.facts?.serverVersion ?? shadow.server.version, 10);
  await shadow.script(`${settingsOf(result.basis.format)}; ${result.basis.settings}`);
  const linesOf = (of: readonly StatementVerdict[]) =>
    new Set(of.map(({ statement }) => statement.line));
  const [blockingLines, failingLines] = [linesOf(blocking), linesOf(failing)];
  const found: FoundRecipe[] = [];
  const advice: string[] = [];
  let path: string | undefined;
  for (const statement of await parseStatements(sql)) {
    const line = lineOf(sql, statement.offset);
    const isHeldOnly = blocking.some(
      ({ statement: each, blocked }) => each.line === line && blocked.every(({ isHeld }) => isHeld),
    );
    const catalog = readRecipeCatalog(shadow, path);
    const facts = { major, migration: name, isHeldOnly, catalog };
    const isReplaced = found.some(({ replaces = [] }) => replaces.includes(statement.offset));
    const isIn = (lines: ReadonlySet<number | undefined>, offset = statement.offset) =>
      lines.has(lineOf(sql, offset));
    const recipe = isReplaced ? undefined : await findRecipe(statement, facts);
    // A DROP INDEX is short; the CREATE INDEX behind it, which the same recipe replaces, may block.
    const isWanted =
      isIn(blockingLines) || recipe?.replaces?.some((offset) => isIn(blockingLines, offset));
    if (recipe && isWanted) found.push(recipe);
    else if (!isReplaced && (isIn(blockingLines) || isIn(failingLines)))
      advice.push(...(await adviceOn(statement, facts)));
    await shadow.script(statement.sql);
    path = localPath(statement.sql) ?? path;
  }
  return { found, advice };
}
