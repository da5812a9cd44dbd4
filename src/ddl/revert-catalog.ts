import { ScriptError, type Session } from '../db/session.ts';
import { messageOf } from '../errors.ts';
import { readCasts, type Casts } from './casts.ts';
import { retypedBy, adaptToRows, withForeignKeysMoved } from './populated-tables.ts';
import {
  columnsOf,
  foreignKeysOver,
  planDdl,
  readPlannerCatalog,
  type PlannerCatalog,
} from './pg-delta.ts';
import { readIdentities, renamesBack, type NamedObject } from './renames.ts';
import {
  readFeeds,
  readPlaces,
  refedColumns,
  rememberPosition,
  setPosition,
  type Feed,
} from './sequences.ts';
import type { DdlStatement } from './statement.ts';
import { attachments, detachments, droppedTables, readTables, type Tables } from './tables.ts';

/** A catalog that a later one can be reverted to. */
export interface CatalogState {
  facts: PlannerCatalog;
  identities: ReadonlyMap<string, NamedObject>;
  tables: Tables;
}

/** Reads the catalog and the identities of its objects. */
export async function readState(session: Session): Promise<CatalogState> {
  return { ...(await readIdentity(session)), facts: await readPlannerCatalog(session) };
}

/** Reads what OIDs alone tell: a catalog of the same facts may have others. */
export async function readIdentity(session: Session): Promise<Omit<CatalogState, 'facts'>> {
  return { identities: await readIdentities(session), tables: await readTables(session) };
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

/** The plan would drop a table that existed before the migration, with its rows. */
export class DropsTable extends Error {
  constructor(tables: readonly string[]) {
    super(`the derived SQL would drop ${tables.join(', ')}, which existed before the migration`);
  }
}

/**
 * Reverts a shadow to an older catalog of itself: first the parents of partitions and the names,
 * then everything else. A planner that compares catalogs would drop a table that changed its
 * parent.
 *
 * Must run in a transaction of the shadow in which the names are qualified.
 *
 * @param rebuild see `planDdl`
 * @param facts the catalog of the shadow as it is now, where it is known
 * @returns the statements that it ran
 * @throws UnplannableError, RevertError, DropsTable
 */
export async function revertCatalog(
  shadow: Session,
  before: CatalogState,
  { rebuild, facts }: { rebuild: boolean; facts?: PlannerCatalog | undefined },
): Promise<DdlStatement[]> {
  const tables = await readTables(shadow);
  const detached = detachments(tables, before.tables).map(toRename);
  await runAll(shadow, detached);
  const renames = renamesBack(await readIdentities(shadow), before.identities).map(toRename);
  await runAll(shadow, renames);
  const hasOthers = detached.length + renames.length > 0;
  const here = hasOthers ? await readTables(shadow) : tables;
  const attached = attachments(here, before.tables).map(toAttachment);
  await runAll(shadow, attached);
  const isMoved = detached.length + renames.length + attached.length > 0;
  const now = (!isMoved && facts) || (await readPlannerCatalog(shadow));
  const drafts = planDdl(now, before.facts, { rebuild });
  const columns = { from: columnsOf(now), to: columnsOf(before.facts) };
  const keys = foreignKeysOver({ from: now, to: before.facts }, retypedBy(drafts));
  const casts = retypedBy(drafts).size > 0 ? await readCasts(shadow) : noCasts;
  const statements = withForeignKeysMoved(adaptToRows(drafts, columns, casts), keys);
  const mayFeed = statements.some(({ sql }) => feeding.test(sql));
  const feeds = mayFeed
    ? { feeds: await readFeeds(shadow), places: await readPlaces(shadow) }
    : undefined;
  await runAll(shadow, statements);
  const positions = feeds ? await positionsOf(shadow, feeds) : { before: [], after: [] };
  const dropped = droppedTables(tables, before.tables, await readTables(shadow));
  if (dropped.length > 0) throw new DropsTable(dropped);
  return [
    ...detached,
    ...renames,
    ...attached,
    ...positions.before,
    ...statements,
    ...positions.after,
  ];
}

const noCasts: Casts = { expression: () => undefined };

/** A statement without one of these words gives no column a sequence. */
const feeding = /sequence|identity|nextval|serial/i;

/**
 * A recreated sequence would restart below numbers of its column, so it is set to the position of
 * the column's previous sequence and to the maximum of the column.
 */
async function positionsOf(
  shadow: Session,
  before: { places: ReadonlySet<string>; feeds: readonly Feed[] },
): Promise<{ before: DdlStatement[]; after: DdlStatement[] }> {
  const refed = refedColumns(before, await readFeeds(shadow));
  const places = new Set(refed.map(({ feed }) => feed.place));
  const had = before.feeds.filter(({ place }) => places.has(place));
  const after = refed.map((one): DdlStatement => ({
    sql: setPosition(one),
    rewrites: false,
    phase: 'rules',
  }));
  await runAll(shadow, after);
  return {
    before: had.map((feed) => ({
      sql: rememberPosition(feed),
      rewrites: false,
      phase: 'structure',
    })),
    after,
  };
}

/** The server scans every row, unless a constraint of the table implies the partition bound. */
function toAttachment(sql: string): DdlStatement {
  return { ...toRename(sql), rewrites: true };
}

function toRename(sql: string): DdlStatement {
  return { sql, lock: 'ACCESS EXCLUSIVE', rewrites: false, phase: 'structure' };
}

/** @throws RevertError naming the statement */
export async function runAll(shadow: Session, statements: readonly DdlStatement[]): Promise<void> {
  for (const { sql } of statements)
    await shadow.script(sql).catch((error: unknown) => {
      throw new RevertError(error, sql);
    });
}
