import { lossesBetween, readStorage } from '../../src/catalog/losses.ts';
import { quoteName } from '../../src/db/quote.ts';
import { transaction, type Session } from '../../src/db/session.ts';
import type { Direction } from '../../src/migration.ts';
import { guardFor } from '../../src/rescue/guard.ts';
import type { Kept } from '../../src/rescue/copy-rows.ts';
import { recordsUndoneBy } from '../../src/rescue/record.ts';
import { restore, type Restored } from '../../src/rescue/restore/run.ts';
import { destructionsOf } from '../../src/sql/destructions.ts';

const tracking = 'dbops.migrations';

/** Runs a script as one step of a migration: what it destroys is kept. */
export async function destroy(
  session: Session,
  script: string,
  migration = '0002_less',
  direction: Direction = 'up',
): Promise<readonly Kept[]> {
  let kept: readonly Kept[] = [];
  const guard = guardFor({
    cause: { tracking, migration, direction },
    losses: [],
    stated: await destructionsOf(script),
    isStatedAlone: false,
    discards: false,
    restores: false,
    onOutcome: (outcome) => (kept = outcome.kept),
  });
  await transaction(session, () => guard.around(session, () => session.script(script)));
  return kept;
}

/** Runs the script that undoes it, and puts back what was kept. */
export async function bringBack(
  session: Session,
  script: string,
  migration = '0002_less',
  direction: Direction = 'down',
): Promise<Restored[]> {
  await destroy(session, script, migration, direction);
  return putBack(session, migration, direction);
}

export async function putBack(
  session: Session,
  migration = '0002_less',
  direction: Direction = 'down',
): Promise<Restored[]> {
  const records = await recordsUndoneBy(session, tracking, direction, [migration]);
  return restore(session, records, { dryRun: false, overwrite: false });
}

/** A hash of the rows of every table, whatever the order of rows and columns. */
export async function contentOf(session: Session): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const { schema, name, parent } of (await readStorage(session)).values()) {
    if (parent !== null) continue;
    const table = quoteName({ schema, name });
    const [row] = await session.query<{ hash: string }>(
      `SELECT count(*) || ' ' || coalesce(md5(string_agg(row, E'\\n' ORDER BY row COLLATE "C")), '') AS hash
         FROM (SELECT to_jsonb(t)::text AS row FROM ${table} t) rows`,
    );
    content[`${schema}.${name}`] = row?.hash ?? '';
  }
  return content;
}

/** What a script destroys, seen in the database itself and taken back. */
export async function lossesOf(session: Session, script: string) {
  await session.script('BEGIN');
  try {
    const before = await readStorage(session);
    await session.script(script);
    return lossesBetween(before, await readStorage(session));
  } finally {
    await session.script('ROLLBACK');
  }
}
