import { directivesOf } from '../../sql/directives.ts';
import { splitStatements, type Statement } from '../../sql/statements.ts';
import type { FoundRecipe } from './find-recipe.ts';
import { leadingComments } from './parse-statements.ts';
import { isLocalSetting, isSetting } from './session-settings.ts';

/** A file of the migration that replaces another. */
export interface RecipeFile {
  /** What distinguishes its name: `part_2`; empty for the first, which keeps the name of the migration. */
  suffix: string;
  /** Directives and comments above the statements, without dashes. */
  head: string[];
  statements: string[];
  /** What rolls it back, as far as that cannot be derived from the schema. */
  undo: string[];
  /** The whole text: `head` and `statements`. */
  sql: string;
  noTransaction: boolean;
}

/** A migration, and the recipes for some of its statements. */
export interface Rewriting {
  sql: string;
  /** Whether the migration runs statement by statement already. */
  noTransaction: boolean;
  /** Whether each statement outside a transaction has a file of its own. */
  isAlone?: boolean;
  recipes: readonly Pick<FoundRecipe, 'offset' | 'steps' | 'replaces'>[];
}

interface Part {
  statements: string[];
  transaction: boolean;
  /** Names of backfills that must be complete before it. */
  requires: string[];
  undo: string[];
  /** What earlier statements of the migration set for it. */
  settings: readonly string[];
  /** Whether further statements of the migration may join it. */
  isOpen: boolean;
}

/**
 * Returns the files that make the same change, in order. Statements without a recipe keep their order; each
 * step of a recipe that runs in a transaction has a file of its own, because its locks must be released before
 * the next step.
 *
 * @throws SqlSyntaxError
 */
export async function rewriteMigration(rewriting: Rewriting): Promise<RecipeFile[]> {
  const { sql, recipes, noTransaction, isAlone = false } = rewriting;
  const byOffset = new Map(recipes.map((recipe) => [recipe.offset, recipe]));
  const gone = new Set(recipes.flatMap(({ replaces = [] }) => replaces));
  const parts: Part[] = [];
  const settings: string[] = [];
  let end = 0;
  let carried = '';
  for (const statement of await splitStatements(sql)) {
    // Comments are before the statement in the file, and not part of it.
    const above = leadingComments(sql.slice(end, statement.offset).replace(/^\s*;/, ''));
    const comments = [carried, above].filter(Boolean).join('\n');
    carried = '';
    end = statement.offset + statement.sql.length;
    if (statement.boundary || gone.has(statement.offset)) continue;
    const recipe = byOffset.get(statement.offset);
    const context = { comments, settings: [...settings] };
    if (isSetting(statement.sql)) {
      settings.push(statement.sql);
      carried = comments;
      const last = parts.at(-1);
      if (last?.isOpen) last.statements.push(statement.sql);
    } else if (recipe) parts.push(...partsOf(recipe, context));
    else join(parts, statement, { ...context, noTransaction });
  }
  const directives = [...directivesOf(sql)].flatMap(({ directive }) =>
    directive === 'no-transaction' ? [] : [`dbops: ${directive}`],
  );
  return (isAlone ? parts.flatMap(oneEach) : merged(parts)).map((part, at) =>
    fileOf(part, at, directives),
  );
}

interface Context {
  /** Above the statement. */
  comments: string;
  settings: readonly string[];
}

function partsOf({ steps }: Pick<FoundRecipe, 'steps'>, { comments, settings }: Context): Part[] {
  return steps.map(({ statements, transaction, requires, undo = [] }, at) => ({
    statements: statements.map((each, place) =>
      at + place === 0 && comments !== '' ? `${comments}\n${each}` : each,
    ),
    transaction,
    requires: requires === undefined ? [] : [requires],
    undo,
    settings,
    isOpen: false,
  }));
}

function join(
  parts: Part[],
  { sql, standsAlone }: Statement,
  { comments, settings, noTransaction }: Context & { noTransaction: boolean },
): void {
  const transaction = !standsAlone && !noTransaction;
  const whole = comments === '' ? sql : `${comments}\n${sql}`;
  // A comment at the end of a statement would hide the semicolon after it.
  const text = /--[^\n]*$/.test(whole) ? `${whole}\n` : whole;
  const last = parts.at(-1);
  if (last?.isOpen && last.transaction === transaction) last.statements.push(text);
  else
    parts.push({ statements: [text], transaction, requires: [], undo: [], settings, isOpen: true });
}

/** Statements that run alone can share a file. */
function merged(parts: readonly Part[]): Part[] {
  const files: Part[] = [];
  for (const part of parts) {
    const last = files.at(-1);
    const isSame = part.requires.length === 0 && last?.settings.length === part.settings.length;
    if (last && isSame && !last.transaction && !part.transaction)
      last.statements.push(...part.statements);
    else files.push({ ...part, statements: [...part.statements] });
  }
  return files;
}

function oneEach(part: Part): Part[] {
  if (part.transaction) return [part];
  const { requires, statements, undo } = part;
  const last = statements.length - 1;
  return statements.map((sql, at) => ({
    ...part,
    statements: [sql],
    requires: at === 0 ? requires : [],
    undo: at === last ? undo : [],
  }));
}

function fileOf(
  { transaction, requires, undo, ...part }: Part,
  at: number,
  directives: string[],
): RecipeFile {
  const head = [
    ...requires.map((name) => `dbops: requires-backfill ${name}`),
    ...(transaction ? [] : ['dbops: no-transaction']),
    ...directives,
  ];
  // A setting of a transaction has no effect outside one.
  const settings = part.settings.filter((each) => transaction || !isLocalSetting(each));
  const statements = [...settings, ...part.statements];
  const lines = head.map((line) => `-- ${line}\n`).join('');
  return {
    suffix: at === 0 ? '' : `part_${at + 1}`,
    head,
    statements,
    undo,
    sql: `${lines}${lines && '\n'}${statements.map((each) => `${each};\n`).join('\n')}`,
    noTransaction: !transaction,
  };
}
