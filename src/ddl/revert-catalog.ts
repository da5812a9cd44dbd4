import { ScriptError, type Session } from '../db/session.ts';
import { messageOf } from '../errors.ts';
import { readCasts } from './casts.ts';
import { retypedBy, adaptToRows, withForeignKeysMoved } from './populated-tables.ts';
import {
  columnsOf,
  foreignKeysOver,
  planDdl,
  readPlannerCatalog,
  type PlannerCatalog,
} from './pg-delta.ts';
import { readIdentities, renamesBack, type NamedObject } from './renames.ts';
import type { DdlStatement } from './statement.ts';

/** A catalog that a later one can be reverted to. */
export interface CatalogState {
  facts: PlannerCatalog;
  identities: ReadonlyMap<string, NamedObject>;
}

/** Reads the catalog and the identities of its objects. */
export async function readState(session: Session): Promise<CatalogState> {
  return { identities: await readIdentities(session), facts: await readPlannerCatalog(session) };
}

/** A derived statement failed on the shadow. */
export class RevertError extends Error {
  readonly sql: string;
  constructor(cause: unknown, sql: string) {
    super(messageOf(cause), {
      cause: cause instanceof ScriptError ? cause.cause : cause,
    });
    this.sql = sql;
  }
}

/**
 * Reverts a shadow to its own older catalog: first the names, then everything else.
 *
 * Must run in a transaction of the shadow in which the names are qualified.
 *
 * @param rebuild see `planDdl`
 * @returns the statements that it ran
 * @throws UnplannableError, RevertError
 */
export async function revertCatalog(
  shadow: Session,
  before: CatalogState,
  { rebuild }: { rebuild: boolean },
): Promise<DdlStatement[]> {
  const renames = renamesBack(await readIdentities(shadow), before.identities).map(toRename);
  await runAll(shadow, renames);
  const now = await readPlannerCatalog(shadow);
  const drafts = planDdl(now, before.facts, { rebuild });
  const columns = { from: columnsOf(now), to: columnsOf(before.facts) };
  const keys = foreignKeysOver({ from: now, to: before.facts }, retypedBy(drafts));
  const statements = withForeignKeysMoved(
    adaptToRows(drafts, columns, await readCasts(shadow)),
    keys,
  );
  await runAll(shadow, statements);
  return [...renames, ...statements];
}

function toRename(sql: string): DdlStatement {
  return { sql, lock: 'ACCESS EXCLUSIVE', rewrites: false, phase: 'structure' };
}

/** Runs statements in order. @throws RevertError with the statement that failed */
export async function runAll(shadow: Session, statements: readonly DdlStatement[]): Promise<void> {
  for (const { sql } of statements)
    await shadow.script(sql).catch((error: unknown) => {
      throw new RevertError(error, sql);
    });
}
