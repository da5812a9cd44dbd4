import { differencesOf, judgeIn, keyOfDifference } from '../catalog/differences.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { inScratchTransaction } from '../catalog/snapshot.ts';
import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { changedMigration, type Migration } from '../migration.ts';
import { loadedScript } from '../text-file.ts';
import { replayOne } from './replay.ts';
import { scratchSnapshot } from './shadow-snapshot.ts';
import { needsCommits } from '../sql/execution.ts';

/** A file of those that replace a migration. */
export interface ReplacingFile {
  /** What distinguishes its name; empty for the file that keeps the name of the migration. */
  suffix: string;
  sql: string;
  noTransaction: boolean;
}

export interface RecipeTrial {
  format: Format;
  original: Migration;
  /** Runs the files in a shadow. */
  apply(shadow: Session): Promise<void>;
  /** Runs `work` in a shadow in which the migrations before the original have run; called at least twice. */
  before<T>(work: (shadow: Session) => Promise<T>): Promise<T>;
  /** Whether columns may have another order; privileges are compared then, because columns are new. */
  isColumnNew?: boolean;
}

/** Whether recipe files produce the schema of the original. */
export type RecipeProof =
  | { isProven: true }
  | {
      isProven: false;
      /** One line for each difference, or why the files do not run. */
      reason: string[];
    };

/**
 * Runs the original and the recipe files, each in a shadow of its own, and compares the schemas.
 *
 * @throws DbopsError when the original does not run
 */
export async function proveRecipe(trial: RecipeTrial): Promise<RecipeProof> {
  const { original, apply, before, isColumnNew = false } = trial;
  const expected = await stateAfter(trial, original).catch((error: unknown) => {
    // A new value of an enum type cannot be used in the transaction that adds it.
    const isSplit = error instanceof DbopsError && needsCommits.has(codeOf(error.cause) ?? '');
    if (!isSplit || original.up.kind !== 'sql') throw error;
    const up = { ...loadedScript(original.up), noTransaction: true };
    return stateAfter(trial, changedMigration(original, { up }));
  });
  return before(async (shadow) => {
    try {
      await apply(shadow);
    } catch (error) {
      if (!(error instanceof DbopsError)) throw error;
      return { isProven: false, reason: [error.message, ...error.reason] };
    }
    return compareStates(shadow, expected, await readState(shadow, isColumnNew));
  });
}

function stateAfter(
  { format, before, isColumnNew = false }: RecipeTrial,
  migration: Migration,
): Promise<State> {
  return before(async (shadow) => {
    await replayOne(shadow, migration, format);
    return readState(shadow, isColumnNew);
  });
}

/** Returns a recipe file as a migration, for a shadow. */
export function migrationOf(
  { name, up }: Pick<Migration, 'name' | 'up'>,
  { suffix, sql, noTransaction }: ReplacingFile,
): Migration {
  const own = suffix ? `${name}_${suffix}` : name;
  return { name: own, hash: own, up: { kind: 'sql', file: up.file, sql, noTransaction } };
}

interface State {
  objects: SchemaObject[];
  /** Constraint names, and columns in their order: what the comparison of objects ignores. */
  shapes: ReadonlyMap<string, string>;
}

async function readState(shadow: Session, isColumnNew: boolean): Promise<State> {
  const objects = await scratchSnapshot(shadow, { grants: isColumnNew });
  const rows = await shadow.query<{ table: string; shape: string }>(
    shapesSql(isColumnNew ? 'attname' : 'attnum'),
  );
  return { objects, shapes: new Map(rows.map(({ table, shape }) => [table, shape])) };
}

const shapesSql = (order: string) => `SELECT c.oid::pg_catalog.regclass::pg_catalog.text AS table,
       pg_catalog.concat_ws('; ',
         (SELECT pg_catalog.string_agg(attname, ', ' ORDER BY ${order}) FROM pg_catalog.pg_attribute
           WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
         (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', conname, contype, convalidated, conislocal, coninhcount), ', ' ORDER BY conname)
            FROM pg_catalog.pg_constraint WHERE conrelid = c.oid)) AS shape
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_t'`;

async function compareStates(shadow: Session, expected: State, found: State): Promise<RecipeProof> {
  const differences = await inScratchTransaction(shadow, () =>
    differencesOf(expected.objects, found.objects, judgeIn(shadow), { all: true }),
  );
  const shapes = [...expected.shapes].filter(([table, shape]) => found.shapes.get(table) !== shape);
  const reason =
    differences.length > 0
      ? differences.map(keyOfDifference)
      : shapes.map(([table, shape]) => describeShape(table, shape, found.shapes.get(table)));
  return reason.length > 0 ? { isProven: false, reason } : { isProven: true };
}

/** Such as `orders: expected check_1 c t t 0, found check_2 c t t 0`: what the comparison of objects ignores. */
function describeShape(table: string, expected: string, found = ''): string {
  const [one, other] = [expected, found].map((shape) => shape.split(/, |; /));
  const without = (some: string[] = [], others: string[] = []) =>
    some.filter((each) => !others.includes(each)).join(', ');
  const [missing, extra] = [without(one, other), without(other, one)];
  if (missing === '' && extra === '') return `${table}: its columns have another order`;
  return `${table}: expected ${missing || 'nothing'}, found ${extra || 'nothing'}`;
}
