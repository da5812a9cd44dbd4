import { ensureOwnSchema } from '../db/own-schema.ts';
import { codeOf } from '../db/connection-error.ts';
import { ScriptError, withSavepoint, type Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';

/** Returns how many rows of a set were loaded, by its name; the sets of rows have 0. */
export async function readRecord(
  session: Session,
  hasRecord: boolean,
): Promise<ReadonlyMap<string, number>> {
  if (!hasRecord) return new Map();
  const rows = await session.query<{ name: string; rows: number }>(
    'SELECT name, rows::float8 AS rows FROM dbops.seeds',
  );
  return new Map(rows.map(({ name, rows: loaded }) => [name, loaded]));
}

/**
 * Records in the caller's transaction that sets were seeded.
 *
 * @returns whether the role may do so
 */
export async function writeRecord(
  session: Session,
  loaded: ReadonlyMap<string, number>,
): Promise<boolean> {
  try {
    await withSavepoint(session, async () => {
      await session.script(`${ensureOwnSchema}
        CREATE TABLE IF NOT EXISTS dbops.seeds (name text CONSTRAINT seeds_pkey PRIMARY KEY,
          rows bigint NOT NULL, seeded_at timestamptz NOT NULL DEFAULT now())`);
      await session.query(
        `INSERT INTO dbops.seeds (name, rows) SELECT key, value::bigint FROM jsonb_each_text($1)
         ON CONFLICT (name) DO UPDATE SET rows = excluded.rows, seeded_at = now()`,
        [JSON.stringify(Object.fromEntries(loaded))],
      );
    });
    return true;
  } catch (error) {
    const cause = error instanceof ScriptError ? error.cause : error;
    if (codeOf(cause) === sqlstate.insufficientPrivilege) return false;
    throw error;
  }
}
