import { commandsOf } from '../../sql/non-transactional.ts';
import { adviceFor } from './advice.ts';
import { recipes } from './index.ts';
import { statementOfPiece } from './parse-statements.ts';
import {
  stepsOf,
  together,
  type ParsedStatement,
  type Recipe,
  type RecipeFacts,
  type RecipeSteps,
} from './recipe.ts';

/** The recipes for one statement, and what they make of it together. */
export interface FoundRecipe extends RecipeSteps {
  /** More than one for an `ALTER TABLE` with several commands. */
  recipes: Recipe[];
  /** Of the statement that they replace. */
  offset: number;
}

/** Returns how to make the same change safely; undefined where no recipe applies. */
export async function findRecipe(
  statement: ParsedStatement,
  facts: RecipeFacts,
): Promise<FoundRecipe | undefined> {
  const whole = await firstRecipe(statement, facts);
  if (whole) return whole;
  return statement.pieces.length > 1 ? ofCommands(statement, facts) : undefined;
}

async function firstRecipe(
  statement: ParsedStatement,
  facts: RecipeFacts,
): Promise<FoundRecipe | undefined> {
  for (const recipe of recipes) {
    const steps = await recipe.rewrite(statement, facts);
    if (!steps) continue;
    const notes = [...steps.notes, ...(statement.isConditional ? [ifNotExists] : [])];
    return { recipes: [recipe], offset: statement.offset, ...steps, notes };
  }
  return undefined;
}

const ifNotExists =
  'The column does not exist in this database. Where it exists, the first file fails: it has no IF NOT EXISTS, because the constraints belong to a new column.';

async function ofCommands(
  statement: ParsedStatement,
  facts: RecipeFacts,
): Promise<FoundRecipe | undefined> {
  const commands = await Promise.all(
    statement.pieces.map((piece) => statementOfPiece(piece, statement)),
  );
  const found: FoundRecipe = { recipes: [], offset: statement.offset, ...stepsOf() };
  let plain: string[] = [];
  const endPlain = () => {
    if (plain.length > 0) found.steps.push(together(...plain));
    plain = [];
  };
  for (const command of commands.toSorted((a, b) => passOf(a) - passOf(b))) {
    const own = await firstRecipe(command, facts);
    if (!own) {
      plain.push(command.sql);
      const advice = await adviceFor(command, facts);
      if (advice !== undefined) found.notes.push(advice);
      continue;
    }
    endPlain();
    found.recipes.push(...own.recipes);
    found.steps.push(...own.steps);
    found.notes.push(...own.notes);
    if (own.backfills) found.backfills = [...(found.backfills ?? []), ...own.backfills];
    if (own.differs !== undefined)
      found.differs = [found.differs ?? '', own.differs].join(' ').trimStart();
  }
  endPlain();
  return found.recipes.length > 0 ? found : undefined;
}

/** Returns what to do about the commands of a statement for which there is no recipe. */
export async function adviceOn(statement: ParsedStatement, facts: RecipeFacts): Promise<string[]> {
  const commands = await Promise.all(
    statement.pieces.map((piece) => statementOfPiece(piece, statement)),
  );
  const advice = await Promise.all(commands.map((command) => adviceFor(command, facts)));
  return advice.filter((each) => each !== undefined);
}

/** The order in which the server runs the commands of one ALTER TABLE (server sources, `AlterTablePass`). */
function passOf({ node, pieces: [piece] }: ParsedStatement): number {
  const [{ subtype = '' } = {}] = commandsOf(node);
  if (/^AT_Drop(?:Column|Constraint|NotNull)$/.test(subtype)) return 0;
  if (subtype === 'AT_AlterColumnType') return 1;
  if (subtype === 'AT_AddColumn') return 2;
  if (piece?.kind !== 'add-constraint') return 3;
  return ['unique', 'primary'].includes(piece.constraint.kind) ? 4 : 5;
}
